import { basename } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { readUserFile } from '../files/open-user-file.ts';

/** A log has some 100 kB. */
const maxLogBytes = 4 * 2 ** 20;

/**
 * Memory bandwidth of a board from sbc-bench's logs, bytes per second: tinymembench's `standard memcpy`, one thread, of
 * a log the fastest kind of core, of several logs the median. Throws `refused` for a log without it.
 */
export async function readBandwidth(paths: readonly string[]): Promise<number> {
  const values = await Promise.all(
    paths.map(async (path) => {
      const found = parseMemcpy((await readUserFile(path, maxLogBytes)).toString('utf8'));
      if (found !== undefined) return found;
      throw new QfleetError('refused', `${basename(path)} has no line of tinymembench's standard memcpy.`, {
        hint: 'Expected a log of sbc-bench, such as those at github.com/ThomasKaiser/sbc-bench.',
      });
    }),
  );
  return median(values);
}

/** Bytes per second; tinymembench's MB is 10⁶ bytes. Undefined where the text has none. */
export function parseMemcpy(text: string): number | undefined {
  const found = [...text.matchAll(/^\s*standard memcpy\s*:\s*([\d.]+) MB\/s/gm)].map(([, value]) =>
    Number(value),
  );
  return found.length > 0 ? Math.max(...found) * 1e6 : undefined;
}
