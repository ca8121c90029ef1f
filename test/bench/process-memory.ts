import { readFile, writeFile } from 'node:fs/promises';

/** Memory of a process, bytes; Linux only. */
export interface ProcessMemory {
  readonly rssBytes: number;
  /** Largest RSS since the start, or since `resetPeak`. */
  readonly peakRssBytes: number;
  /** Not backed by a file: heaps and stacks. */
  readonly rssAnonBytes: number;
  /** Shared pages divided among those who share them; undefined where the kernel keeps no smaps_rollup. */
  readonly pssBytes: number | undefined;
}

/** Reads /proc/PID/status and smaps_rollup. */
export async function readProcessMemory(pid: number): Promise<ProcessMemory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return {
    rssBytes: kilobytes(status, 'VmRSS') ?? 0,
    peakRssBytes: kilobytes(status, 'VmHWM') ?? 0,
    rssAnonBytes: kilobytes(status, 'RssAnon') ?? 0,
    pssBytes: kilobytes(rollup, 'Pss'),
  };
}

/** Has the peak begin anew at the present RSS (proc(5), clear_refs: 5). */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

function kilobytes(text: string, key: string): number | undefined {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}
