import type { LaunchClock } from './launch-clock.ts';

/** The event loop turns at least so often, between two queries. */
const turnEveryNs = 100e6;

/** To be awaited between queries, with the time that it is: turns the event loop where it has not for 100 ms. */
export function createBreather(clock: LaunchClock): (nowNs: number) => Promise<void> | undefined {
  let turnedAtNs = clock.nowNs();
  return (nowNs) => {
    if (nowNs - turnedAtNs <= turnEveryNs) return undefined;
    turnedAtNs = nowNs;
    return clock.turn();
  };
}
