import { cpus, loadavg, release, totalmem } from 'node:os';

/** Where figures come from, and what else was going on. */
export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  /** Load average of the last minute, before the first benchmark. */
  readonly load1: number;
}

export function describeMachine(): Machine {
  const found = cpus();
  return {
    processor: found[0]?.model.trim() ?? 'unknown',
    processors: found.length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    load1: loadavg()[0] ?? 0,
  };
}
