import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestBytes } from '@qfleet/shared/digest.ts';

/**
 * Names the code that summaries are made by: a digest of the sources of the analysis and of what both sides share, and
 * of the JavaScript engine, whose logarithms may differ in the last bit. A change of either makes all summaries anew.
 */
export async function analysisVersion(): Promise<string> {
  const shared = dirname(fileURLToPath(import.meta.resolve('@qfleet/shared/digest.ts')));
  const analysis = join(import.meta.dirname, '../analysis');
  const digests: string[] = [process.version];
  for (const folder of [analysis, shared]) {
    const files = await Array.fromAsync(glob('**/*.ts', { cwd: folder }));
    for (const file of files.filter((name) => !name.endsWith('.test.ts')).sort()) {
      digests.push(file, digestBytes(await readFile(join(folder, file))));
    }
  }
  return digestBytes(digests.join('\n')).slice(0, 16);
}
