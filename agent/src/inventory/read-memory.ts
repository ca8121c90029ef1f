import { freemem, totalmem } from 'node:os';
import { readText } from './read-text.ts';

/** Memory of the machine, bytes. */
export interface MemoryFacts {
  readonly totalBytes: number;
  /** What can be had without swapping: MemAvailable, and where that is missing (Linux < 3.14) the free part. */
  readonly availableBytes: number;
}

/** Reads /proc/meminfo under `root`, and asks Node where there is none. */
export async function readMemory(root: string): Promise<MemoryFacts> {
  const text = (await readText(root, 'proc/meminfo')) ?? '';
  const totalBytes = lineBytes(text, 'MemTotal') ?? totalmem();
  const availableBytes = lineBytes(text, 'MemAvailable') ?? lineBytes(text, 'MemFree') ?? freemem();
  return { totalBytes, availableBytes };
}

/** `MemTotal:  948304 kB`, where the kernel's kB is 1024 bytes. */
function lineBytes(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(text);
  return match ? Number(match[1]) * 1024 : undefined;
}
