import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A compiled program of `test/bench/c`, or why there is none. */
export type Compiled =
  | { readonly available: true; readonly path: string; readonly compiler: string }
  | { readonly available: false; readonly reason: string };

const run = promisify(execFile);

/**
 * Loops stay the loops that were written: without the second option gcc makes a call of memcpy, which moves other
 * bytes, of a loop that copies.
 */
const flags = ['-O3', '-fno-tree-loop-distribute-patterns', '-pthread'];

/** Compiles `c/NAME.c` into a folder. Where there is no gcc that is an outcome; a program that does not compile throws. */
export async function compileC(name: string, folder: string): Promise<Compiled> {
  const version = await run('gcc', ['-dumpfullversion']).catch(() => undefined);
  if (!version) return { available: false, reason: 'no-gcc' };
  const source = fileURLToPath(new URL(`./c/${name}.c`, import.meta.url));
  const path = join(folder, name);
  await run('gcc', [...flags, '-o', path, source, '-lm']);
  return { available: true, path, compiler: `gcc ${version.stdout.trim()} ${flags.join(' ')}` };
}
