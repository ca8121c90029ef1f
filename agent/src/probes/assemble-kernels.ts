import { readFile, writeFile } from 'node:fs/promises';
// biome-ignore lint/correctness/noUndeclaredDependencies: a tool of the workspace's root, never needed on a board
import wabt from 'wabt';

/** Assembles `kernels.wat` into the bytes that `kernels.wasm` must hold. Throws wabt's message on a mistake. */
export async function assembleKernels(): Promise<Uint8Array> {
  const { parseWat } = await wabt();
  const source = await readFile(new URL('./kernels.wat', import.meta.url), 'utf8');
  const module = parseWat('kernels.wat', source, { simd: true, threads: true });
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

if (import.meta.main) await writeFile(new URL('./kernels.wasm', import.meta.url), await assembleKernels());
