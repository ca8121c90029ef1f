import { readNumber } from '../inventory/read-text.ts';

/** A Tegra's memory controller: how busy it was on average of late. */
export type EmcActivity =
  | { readonly utilisation: number; readonly bytesPerSec: number }
  | { readonly reason: string };

const activityPaths = ['sys/kernel/actmon_avg_activity/mc_all', 'sys/kernel/debug/cactmon/mc_all'];
const ratePaths = [
  'sys/kernel/debug/clk/override.emc/clk_rate',
  'sys/kernel/debug/clk/emc/clk_rate',
  'sys/kernel/debug/bpmp/debug/clk/emc/rate',
];
/** 64 bits wide, two transfers a clock. */
const bytesPerClock = 16;

/**
 * Activity (kHz that the controller was busy) over its clock (Hz), GPU and all programs included; the files lie in
 * debugfs, so that root alone reads them. Not tried on a board yet: the factor of bytes is from the data sheet.
 */
export async function readEmc(root: string): Promise<EmcActivity> {
  const busyKhz = await firstNumber(root, activityPaths);
  const rateHz = await firstNumber(root, ratePaths);
  if (busyKhz === undefined || rateHz === undefined || rateHz <= 0) {
    return { reason: 'not-present: no activity monitor of a Tegra memory controller (debugfs, root)' };
  }
  const busyHz = busyKhz * 1000;
  return { utilisation: busyHz / rateHz, bytesPerSec: busyHz * bytesPerClock };
}

async function firstNumber(root: string, paths: readonly string[]): Promise<number | undefined> {
  for (const path of paths) {
    const value = await readNumber(root, path);
    if (value !== undefined) return value;
  }
  return undefined;
}
