import { access } from 'node:fs/promises';
import type { Backend } from './backend.ts';
import { createNativeBackend } from './onnxruntime-native.ts';

/** GPUs through WebGPU (Dawn on Vulkan), which onnxruntime-node brings for x64 and macOS. No device has run it yet. */
export const backend: Backend = createNativeBackend({
  id: 'onnxruntime-webgpu',
  provider: 'webgpu',
  findObstacle: async () => {
    if (process.platform !== 'linux') return undefined;
    if (process.arch !== 'x64')
      return `not offered: onnxruntime-node has no WebGPU for linux/${process.arch}`;
    const hasGpu = await access('/dev/dri').then(
      () => true,
      () => false,
    );
    return hasGpu ? undefined : 'not present: no GPU under /dev/dri';
  },
});
