import type { Backend } from './backend.ts';
import { whyNoProviderLibrary } from './find-provider-library.ts';
import { createNativeBackend } from './onnxruntime-native.ts';

/** NVIDIA GPUs through CUDA; the library is not part of onnxruntime-node's package. No device has run it yet. */
export const backend: Backend = createNativeBackend({
  id: 'onnxruntime-cuda',
  provider: 'cuda',
  findObstacle: () => whyNoProviderLibrary('cuda'),
});
