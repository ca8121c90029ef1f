import { readFileSync } from 'node:fs';

/** Fields of `/proc/PID/stat` from the state on (proc(5)): state, parent, group, …; throws where there is no such process. */
export function readProcessStat(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses before them may hold spaces and parentheses itself.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
