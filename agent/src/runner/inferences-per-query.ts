import type { LoadTarget } from './load-pattern.ts';
import type { OfferedLoad } from './protocol.ts';

/** Inferences that answer one query: the last one may be filled up. */
export function inferencesPerQuery(load: OfferedLoad, { batch }: Pick<LoadTarget, 'batch'>): number {
  return Math.max(1, Math.ceil(load.samplesPerQuery / batch));
}
