import { readdir, readFile } from 'node:fs/promises';

/** Time on a processor of all threads that a process has, nanoseconds (schedstat, first field); Linux only. */
export async function readProcessCpuNs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = threads.map(async (id) =>
    Number((await readFile(`/proc/${pid}/task/${id}/schedstat`, 'utf8')).split(' ')[0]),
  );
  return (await Promise.all(times)).reduce((sum, time) => sum + time, 0);
}
