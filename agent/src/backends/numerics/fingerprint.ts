import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Backend } from '../backend.ts';
import { type NumericCase, numericCases } from './numeric-cases.ts';

/**
 * How a backend computes on integers here, by tiny models whose exact answers are known: capabilities
 * `numerics.u8s8`, `numerics.u8s8.conv`, … each `exact`, `saturating` (pairs of products in 16 bits, x86 without
 * VNNI), `other rounding` (no answer off by more than 1), `wrong`, or `refused: why`. Equal bits on every run: the
 * kernels that the processor gets decide.
 */
export async function fingerprint(backend: Backend): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-numerics-'));
  try {
    const found: Record<string, string> = {};
    for (const one of numericCases()) found[`numerics.${one.id}`] = await tryCase(backend, one, folder);
    return found;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function tryCase(backend: Backend, one: NumericCase, folder: string): Promise<string> {
  try {
    const path = join(folder, `${one.id}.onnx`);
    await writeFile(path, one.model);
    const variant = await backend.load(path, { threads: 1, providerOptions: {} });
    try {
      const { name, ...tensor } = one.input;
      const outputs = await variant.infer(variant.prepareFeeds({ [name]: tensor }));
      return describeAnswer(Array.from(outputs[one.output]?.data as Uint8Array, Number), one);
    } finally {
      await variant.close();
    }
  } catch (thrown) {
    return `refused: ${QfleetError.from(thrown).message.split('\n')[0]?.slice(0, 160)}`;
  }
}

/** In words how an answer relates to those that are known. */
export function describeAnswer(
  answer: readonly number[],
  { exact, saturating }: Pick<NumericCase, 'exact' | 'saturating'>,
): string {
  if (answer.length !== exact.length) return 'wrong';
  if (answer.every((value, i) => value === exact[i])) return 'exact';
  if (saturating && answer.every((value, i) => value === saturating[i])) return 'saturating';
  return answer.every((value, i) => Math.abs(value - exact[i]!) <= 1) ? 'other rounding' : 'wrong';
}
