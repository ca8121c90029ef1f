import { setTimeout as sleep } from 'node:timers/promises';
import { turnEventLoop } from './turn-event-loop.ts';

/** A timer may be late by a millisecond or two: the last stretch before a moment is spun. */
const spinNs = 2e6;

/** What a load pattern needs of time. */
export interface LaunchClock {
  /** Monotonic, nanoseconds since some moment. */
  nowNs(): number;
  /** Comes back at that moment, or at once where it has passed. */
  waitUntil(atNs: number): Promise<void>;
  /** Lets the process hear what others say to it. */
  turn(): Promise<void>;
}

/** The monotonic clock of this process. Waits by sleeping, since an idle board must cool, then by spinning. */
export const monotonicClock: LaunchClock = {
  nowNs,
  waitUntil: async (atNs) => {
    for (let leftNs = atNs - nowNs(); leftNs > spinNs; leftNs = atNs - nowNs()) {
      await sleep(Math.max(1, Math.floor((leftNs - spinNs) / 1e6)));
    }
    while (nowNs() < atNs);
  },
  turn: turnEventLoop,
};

/** A double holds an uptime of a month to a nanosecond, and costs no BigInt for each sample. */
function nowNs(): number {
  return performance.now() * 1e6;
}
