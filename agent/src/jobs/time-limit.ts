/** A limit on working time: waiting for others does not use it up. */
export interface TimeLimit extends Disposable {
  pause(): void;
  resume(): void;
}

/** Calls back once so many milliseconds of working time have passed; never for 0. */
export function startTimeLimit(limitMs: number, onExpired: () => void): TimeLimit {
  let leftMs = limitMs;
  let startedAt = 0;
  let timer: NodeJS.Timeout | undefined;
  const pause = (): void => {
    if (!timer) return;
    clearTimeout(timer);
    timer = undefined;
    leftMs -= performance.now() - startedAt;
  };
  const resume = (): void => {
    if (limitMs === 0 || timer) return;
    startedAt = performance.now();
    timer = setTimeout(onExpired, Math.max(0, leftMs));
  };
  resume();
  return { pause, resume, [Symbol.dispose]: pause };
}
