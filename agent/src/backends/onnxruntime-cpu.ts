import type { Backend } from './backend.ts';
import { createNativeBackend } from './onnxruntime-native.ts';

/** ONNX Runtime's own kernels for processors (MLAS). */
export const backend: Backend = createNativeBackend({ id: 'onnxruntime-cpu', provider: 'cpu' });
