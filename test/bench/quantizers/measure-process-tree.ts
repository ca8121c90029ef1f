import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { readProcessMemory } from '../process-memory.ts';

/** What a command and all processes that it starts take. */
export interface TreeCost {
  /** From the start of the process until its end, seconds. */
  readonly wallSeconds: number;
  /** Largest sum of the processes' memory at one time, bytes: Pss, in which a page that several share counts once. */
  readonly peakBytes: number;
  readonly output: string;
}

/** Time between two looks at /proc; a peak that is shorter may be missed, on either side. */
const samplePeriodMs = 20;

/** Runs a command to its end; throws with the end of its standard error where it fails. Linux only. */
export async function measureProcessTree(
  command: readonly [string, ...string[]],
  { signal, env }: { readonly signal: AbortSignal; readonly env?: NodeJS.ProcessEnv },
): Promise<TreeCost> {
  const [program, ...args] = command;
  const start = performance.now();
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    env: { ...process.env, ...env },
  });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
  let isRunning = true;
  const ended = once(child, 'close').finally(() => (isRunning = false));
  const peak = watchPeak(child.pid ?? 0, () => isRunning);
  const [code] = await ended;
  const wallSeconds = (performance.now() - start) / 1e3;
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${errors}`);
  return { wallSeconds, peakBytes: await peak, output };
}

async function watchPeak(root: number, isRunning: () => boolean): Promise<number> {
  let peakBytes = 0;
  while (isRunning()) {
    peakBytes = Math.max(peakBytes, await sumMemory(root));
    await sleep(samplePeriodMs);
  }
  return peakBytes;
}

/** A process that ends meanwhile counts 0. */
async function sumMemory(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')).trim();
  const own = await readProcessMemory(pid).catch(() => undefined);
  const below =
    children === '' ? [] : await Promise.all(children.split(' ').map((id) => sumMemory(Number(id))));
  return below.reduce((sum, bytes) => sum + bytes, own?.pssBytes ?? own?.rssBytes ?? 0);
}
