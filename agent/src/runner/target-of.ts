import { median } from '@qfleet/shared/statistics/median.ts';
import type { Feeds, LoadedVariant } from '../backends/backend.ts';
import type { LaunchClock } from './launch-clock.ts';
import type { LoadTarget } from './load-pattern.ts';
import type { WarmUp } from './warm-up.ts';

/** So many samples at the end of the warm-up tell how long an inference takes. */
const settledSamples = 5;

/** A warmed-up variant as something that load can be offered to; its inputs rotate. */
export function targetOf(options: {
  readonly variant: LoadedVariant;
  readonly feeds: readonly Feeds[];
  readonly batch: number;
  readonly warm: WarmUp;
  readonly clock: LaunchClock;
}): LoadTarget {
  const { variant, feeds, batch, warm, clock } = options;
  return {
    infer: (index) => variant.infer(feeds[index % feeds.length]!),
    clock,
    batch,
    serviceNs: median(warm.samplesNs.slice(-settledSamples)),
    isStopped: () => false,
  };
}
