import { readProcessStat } from './read-process-stat.ts';

/** Whether a process runs. One that has ended and that nobody has waited for (a container without an init) does not. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !['Z', 'X'].includes(readProcessStat(pid)[0] ?? '');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
