import type { Random } from '@qfleet/shared/random.ts';

const baseMs = 1000;
const capMs = 60_000;
/** The first retry comes quickly: most breaks are a restart or a blip. */
const quickMs = 200;

/**
 * Pause before retry number `attempt` (from 0), milliseconds: the first 100–300, later ones uniform in
 * [0, min(60 s, 1 s · 2^(attempt-1))]. Full jitter, so that a fleet does not come back in step (Brooker,
 * "Exponential backoff and jitter", 2015).
 */
export function fullJitterMs(attempt: number, random: Random): number {
  if (attempt === 0) return quickMs / 2 + random.next() * quickMs;
  return random.next() * Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, 16));
}
