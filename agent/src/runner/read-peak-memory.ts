import { readFile } from 'node:fs/promises';

/**
 * Largest resident set of this process so far, bytes: VmHWM of /proc/self/status, which includes Node itself;
 * elsewhere getrusage's maximum.
 */
export async function readPeakMemory(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
  return Number(kilobytes) * 1024;
}
