import { readFileSync } from 'node:fs';

/**
 * How many processes the kernel has killed since boot because memory ran out, of the system or of a control group:
 * `oom_kill` of /proc/vmstat (Linux 4.13). Undefined where nobody counts. To be differenced around a child's life: a
 * SIGKILL alone may be anybody's.
 */
export function countOomKills(): number | undefined {
  try {
    const count = /^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined;
  }
}
