import type { Backend } from './backend.ts';
import { whyNoProviderLibrary } from './find-provider-library.ts';
import { createNativeBackend } from './onnxruntime-native.ts';

/** NVIDIA GPUs through TensorRT inside ONNX Runtime; the library is not part of onnxruntime-node's package. No device has run it yet. */
export const backend: Backend = createNativeBackend({
  id: 'onnxruntime-tensorrt',
  provider: 'tensorrt',
  // An engine for a large network takes a Jetson Nano up to half an hour.
  compilingLimitMs: 1_800_000,
  findObstacle: () => whyNoProviderLibrary('tensorrt'),
});
