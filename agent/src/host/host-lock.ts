import { setTimeout as sleep } from 'node:timers/promises';
import { JobFailure } from '../jobs/job-failure.ts';
import { connectToHolder, tryExclusiveSocket } from './exclusive-socket.ts';
import { tryLockFile } from './lock-file.ts';
import { findHolder, type LockHolder, type LockStatement, lookAgain, nameHolder } from './lock-holder.ts';

/** How often a holder, or a lock file, is looked at; without waking the holder. */
const lookMs = 2000;
/** A holder that lives answers at once, on a busy board within this time. */
const answerLimitMs = 3000;
/** Between two questions to a listener that hangs up. */
const hangUpPauseMs = 500;
/** Several agents that wait for one release meet each other so often. */
const maxHangUps = 5;
/** Agents that waited for the same release try at different moments. */
const spreadMs = 50;
/**
 * So long one that works is waited for, and so long one that is stopped or is none of ours: it may be gone soon, but
 * must not keep a device from telling what is wrong.
 */
const defaultBounds: LockBounds = { workingMs: 2 * 3600 * 1000, silentMs: 2 * 60 * 1000 };

/** Abstract unix sockets are Linux's alone. */
const hasSockets = process.platform === 'linux';

interface LockBounds {
  readonly workingMs: number;
  readonly silentMs: number;
}

export interface HostLockOptions {
  readonly bootId: string;
  /** Who asks, for others who wait: the device's name, or a command. */
  readonly agent: string;
  /** Told for whom it waits, at first and when that changes. */
  readonly onWait: (what: string) => void;
  readonly signal: AbortSignal;
  readonly bounds?: LockBounds;
}

/**
 * The host's measurement lock: held by one of all agents of one boot at a time, since two measurements at once
 * spoil each other. Waits until it is free; throws the signal's reason when that is aborted, and `host-busy` where one
 * holder keeps it beyond the bound. It is never taken from a holder, whose runner may be measuring though itself is
 * stopped. Disposing releases it, and the death of the process does too.
 */
export async function lockHost(options: HostLockOptions): Promise<AsyncDisposable> {
  const { bootId, agent, signal } = options;
  const name = `qfleet-measure-${bootId}`;
  const wait = new Wait(options);
  for (;;) {
    signal.throwIfAborted();
    const statement: LockStatement = { pid: process.pid, agent, sinceUnixMs: Date.now() };
    const held = await tryExclusive(name, JSON.stringify(statement));
    if (held) return held;
    if (hasSockets) await waitForHolder(name, wait, signal);
    else wait.note({ pid: undefined, statement, isStopped: false }, 'held by another agent');
    await pause(hasSockets ? Math.random() * spreadMs : lookMs, signal);
  }
}

/** Holds a name of this host exclusively until disposed or dead; undefined where another process holds it. */
export function tryExclusive(name: string, statement?: string): Promise<AsyncDisposable | undefined> {
  return hasSockets ? tryExclusiveSocket(name, statement) : tryLockFile(name);
}

async function waitForHolder(name: string, wait: Wait, signal: AbortSignal): Promise<void> {
  using connection = await connectToHolder(name, answerLimitMs);
  const { statement, closed } = connection;
  let isReleased = connection.isClosed;
  // It was let go while it was asked; one that hangs up on everybody is no such case, and not asked without a pause.
  if (isReleased && !wait.isHungUpAgain()) return;
  void closed.then(() => {
    isReleased = true;
  });
  let holder = await findHolder(name, statement);
  wait.note(holder);
  if (isReleased) return pause(hangUpPauseMs, signal);
  while (!isReleased && !signal.aborted) {
    await Promise.race([closed, pause(lookMs, signal)]);
    holder = await lookAgain(holder);
    if (!isReleased) wait.note(holder);
  }
}

/** What one who waits has seen so far. */
class Wait {
  readonly #options: HostLockOptions;
  #reported = '';
  #sinceMs = performance.now();
  #isWorking = true;
  #hangUps = 0;
  /** Which holder it is: another one is waited for anew. */
  #holder: string | undefined;

  constructor(options: HostLockOptions) {
    this.#options = options;
  }

  /** Whether this is not the first connection in a row that was closed before it was answered. */
  isHungUpAgain(): boolean {
    this.#hangUps++;
    return this.#hangUps > maxHangUps;
  }

  /** Reports the holder; throws where the bound is reached. */
  note(holder: LockHolder, what = nameHolder(holder)): void {
    const isWorking = holder.statement !== undefined && !holder.isStopped;
    if (isWorking) this.#hangUps = 0;
    const key = `${holder.pid} ${holder.statement?.sinceUnixMs}`;
    const now = performance.now();
    if (key !== this.#holder || isWorking !== this.#isWorking) this.#sinceMs = now;
    this.#holder = key;
    this.#isWorking = isWorking;
    if (what !== this.#reported)
      this.#options.onWait(`waiting for the measurement lock of this host, ${what}`);
    this.#reported = what;
    const { workingMs, silentMs } = this.#options.bounds ?? defaultBounds;
    const boundMs = isWorking ? workingMs : silentMs;
    if (now - this.#sinceMs < boundMs) return;
    throw new JobFailure({
      class: 'host-busy',
      message: `The measurement lock of this host was not to be had within ${Math.round(boundMs / 1000)} s: ${what}.`,
      hint: holder.isStopped
        ? `Let it go on (kill -CONT ${holder.pid}) or end it.`
        : 'See what that process does; end it where it should not measure.',
    });
  }
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  await sleep(durationMs, undefined, { signal }).catch(() => undefined);
}
