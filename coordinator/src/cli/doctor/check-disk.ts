import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { neededDiskBytes } from '../../main/check-health.ts';
import { formatBytes } from '../output/format-value.ts';
import type { Check } from './check.ts';

/** Less than this and a dataset import may not fit. */
const wantedBytes = 2e9;

/** Free space where the data folder is or will be. */
export const checkDisk: Check = async ({ dataDir }) => {
  const isThere = await stat(dataDir).then(
    () => true,
    () => false,
  );
  const { bavail, bsize } = await statfs(isThere ? dataDir : dirname(dataDir));
  const freeBytes = bavail * bsize;
  const detail = `${formatBytes(freeBytes)} free`;
  if (freeBytes >= wantedBytes) return { what: 'disk', state: 'ok', detail };
  const fix = 'Free some space, run `./qfleet gc`, or choose another disk with --data.';
  return { what: 'disk', state: freeBytes < neededDiskBytes ? 'failed' : 'warning', detail, fix };
};
