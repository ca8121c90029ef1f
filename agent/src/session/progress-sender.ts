import type { Progress__Output } from '@qfleet/shared/gen/qfleet/v1/Progress.ts';

/** At most one message in so many milliseconds. */
const everyMs = 500;

type Send = (progress: Progress__Output) => void;

/** Tells the coordinator how the job goes: the latest state, not too often, and again after a reconnect. */
export class ProgressSender {
  #send: Send | undefined;
  #latest: Progress__Output | undefined;
  #timer: NodeJS.Timeout | undefined;

  report(progress: Progress__Output): void {
    this.#latest = progress;
    if (this.#timer || !this.#send) return;
    this.#flush();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, everyMs);
    this.#timer.unref();
  }

  connect(send: Send, current: Progress__Output | undefined): void {
    this.#send = send;
    this.#latest = current;
    this.#flush();
  }

  disconnect(): void {
    this.#send = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #flush(): void {
    if (this.#latest) this.#send?.(this.#latest);
    this.#latest = undefined;
  }
}
