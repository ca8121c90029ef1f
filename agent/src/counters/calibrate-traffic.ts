import type { EventCount } from '@qfleet/shared/result/job-result.ts';
import { bindKernels, compileKernels, createKernelMemory } from '../probes/load-kernels.ts';
import { openOwnCounters } from './open-own-counters.ts';

/** What the probe's child is asked for. */
export interface CountersTask {
  readonly kind: 'counters';
  /** Of one of two arrays, a multiple of 128 bytes; four times the last cache or more. */
  readonly arrayBytes: number;
  /** How often an array is read, and how often copied. */
  readonly passes: number;
}

/** Counts over known traffic. */
export interface CountersOutcome {
  readonly kind: 'counters';
  /** `passes` times an array was read, by one thread, which read these many bytes. */
  readonly read: { readonly bytes: number; readonly events: readonly EventCount[] };
  /** The array was copied: so many bytes were read, and as many written. */
  readonly copy: { readonly bytes: number; readonly events: readonly EventCount[] };
  /** Events that stand for lines fetched and written back, where the core has them. */
  readonly traffic?: { readonly reads: string; readonly writes?: string };
}

/**
 * Runs the bandwidth probe's read and copy kernels, whose bytes are known, under the counters of this machine. Has to
 * be the first thing that its process does, since only what starts later is counted.
 */
export async function calibrateTraffic(task: CountersTask): Promise<CountersOutcome> {
  const { choice, counters } = await openOwnCounters();
  using open = counters;
  const { arrayBytes, passes } = task;
  const kernels = bindKernels(await compileKernels(), createKernelMemory(2 * arrayBytes));
  kernels.fill(0, arrayBytes, 1);
  kernels.fill(arrayBytes, arrayBytes, 2);
  const repeat = async (pass: () => void): Promise<void> => {
    for (let i = 0; i < passes; i++) pass();
  };
  // Once outside the count: the first pass may still be compiled.
  kernels.read(0, arrayBytes);
  const read = await open.during(() => repeat(() => kernels.read(0, arrayBytes)));
  kernels.copy(arrayBytes, 0, arrayBytes);
  const copy = await open.during(() => repeat(() => kernels.copy(arrayBytes, 0, arrayBytes)));
  const bytes = passes * arrayBytes;
  return {
    kind: 'counters',
    read: { bytes, events: read.events },
    copy: { bytes, events: copy.events },
    ...(choice.traffic && { traffic: choice.traffic }),
  };
}
