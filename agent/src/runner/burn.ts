import type { Telling } from './protocol.ts';
import { turnEventLoop } from './turn-event-loop.ts';

/** The event loop turns at least so often, so that a runner whose agent ends it leaves. */
const turnEveryMs = 50;

/** Keeps one processor busy for as long as the process lives. */
export async function burn({ onProgress }: Telling): Promise<never> {
  onProgress(1);
  for (;;) {
    const until = performance.now() + turnEveryMs;
    while (performance.now() < until);
    await turnEventLoop();
  }
}
