import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readNumber } from '../inventory/read-text.ts';

const folder = 'sys/fs/resctrl/mon_data';

/**
 * Bytes that went past the last-level caches since monitoring began, all programs together: the sum of
 * `mbm_total_bytes` over the L3 domains of resctrl's root group (Intel RDT, AMD QoS). Undefined where resctrl is not
 * mounted (`mount -t resctrl resctrl /sys/fs/resctrl`, root) or a domain counts nothing.
 */
export async function readResctrlBytes(root: string): Promise<number | undefined> {
  const domains = await readdir(join(root, folder)).catch(() => []);
  const counts = await Promise.all(
    domains
      .filter((domain) => domain.startsWith('mon_L3_'))
      .map((domain) => readNumber(root, `${folder}/${domain}/mbm_total_bytes`)),
  );
  const known = counts.filter((count) => count !== undefined);
  return known.length > 0 && known.length === counts.length
    ? known.reduce((total, count) => total + count, 0)
    : undefined;
}
