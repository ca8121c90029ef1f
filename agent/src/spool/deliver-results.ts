import type { KeyObject } from 'node:crypto';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { Random } from '@qfleet/shared/random.ts';
import type { TransferLog } from '../blobs/transfer-log.ts';
import { fullJitterMs } from '../session/full-jitter.ts';
import { fromServiceError } from '../session/grpc-error.ts';
import type { Link } from '../session/link.ts';
import { deliverEntry } from './deliver-entry.ts';
import { failedResult } from './failed-result.ts';
import { type DeliveryVerdict, judgeDeliveryFailure } from './judge-delivery-failure.ts';
import type { Spool, SpoolEntry } from './spool.ts';

export interface DeliveryOptions {
  readonly spool: Spool;
  readonly link: Link;
  /** The device's Ed25519 key. */
  readonly key: KeyObject;
  readonly random: Random;
  readonly log: Logger;
  /** Fires `welcome` at every new session: what waited for the network is tried at once. */
  readonly welcomes: EventTarget;
  readonly onDelivered: (entry: SpoolEntry) => void;
  readonly onProblem: (message: string) => void;
  /** The largest result that the coordinator takes as a blob; undefined while it has not said so. */
  readonly maxUploadedResultBytes: () => number | undefined;
  /** Where the speed of uploads is noted. */
  readonly transfers?: TransferLog;
  readonly signal: AbortSignal;
}

/**
 * Submits the spool's results, oldest first, for as long as it takes; ends when the signal is aborted. Each has a
 * back-off of its own, so that one that is in trouble does not hold up the others; a broken link has one for all. What
 * will never be taken is set aside, and its job is told why.
 */
export async function deliverResults(options: DeliveryOptions): Promise<void> {
  const queue: Queue = { waits: new Map(), link: noWait };
  const onWelcome = (): void => {
    queue.link = noWait;
    for (const [entry, wait] of queue.waits) queue.waits.set(entry, { ...wait, untilMs: 0 });
  };
  options.welcomes.addEventListener('welcome', onWelcome);
  while (!options.signal.aborted) {
    try {
      const due = nextDue(queue, options.spool.entries);
      if (due) await deliverOnce(due, queue, options);
      else await rest(queue, options);
    } catch (err) {
      // Whatever it is, later results are to be submitted all the same.
      options.log.error({ err }, 'The delivery of results failed; it goes on.');
      queue.link = longer(queue.link, options.random);
    }
  }
  options.welcomes.removeEventListener('welcome', onWelcome);
}

/** How long to wait for the next attempt. */
interface Wait {
  /** Monotonic milliseconds. */
  readonly untilMs: number;
  readonly attempts: number;
  readonly refusals: number;
}

const noWait: Wait = { untilMs: 0, attempts: 0, refusals: 0 };

interface Queue {
  readonly waits: Map<SpoolEntry, Wait>;
  link: Wait;
}

function nextDue({ waits, link }: Queue, entries: readonly SpoolEntry[]): SpoolEntry | undefined {
  for (const entry of waits.keys()) if (!entries.includes(entry)) waits.delete(entry);
  const nowMs = performance.now();
  if (link.untilMs > nowMs) return undefined;
  return entries.find((entry) => (waits.get(entry) ?? noWait).untilMs <= nowMs);
}

async function deliverOnce(entry: SpoolEntry, queue: Queue, options: DeliveryOptions): Promise<void> {
  const { jobId, fence } = entry;
  try {
    const { status, detail } = await deliverEntry(entry, options);
    queue.link = noWait;
    await options.spool.remove(entry);
    options.log.info({ jobId, fence, status, detail }, 'Result submitted.');
    options.onDelivered(entry);
  } catch (thrown) {
    if (options.signal.aborted) return;
    const wait = queue.waits.get(entry) ?? noWait;
    const verdict = judgeDeliveryFailure(thrown, wait.refusals);
    if (verdict.kind === 'give-up') return giveUp(entry, verdict, options);
    queue.waits.set(entry, { ...longer(wait, options.random), refusals: verdict.refusals });
    queue.link = verdict.concernsLink ? longer(queue.link, options.random) : noWait;
    reportProblem(entry, thrown, options);
  }
}

function longer({ attempts, refusals }: Wait, random: Random): Wait {
  const untilMs = performance.now() + fullJitterMs(attempts, random);
  return { untilMs, attempts: attempts + 1, refusals };
}

/**
 * The same bytes would fail again, and the job would be measured again and again for them. So the failure to submit
 * them becomes the job's result, unless nobody knows the job, or the coordinator has refused a failure.
 */
async function giveUp(
  entry: SpoolEntry,
  { failure, why }: Extract<DeliveryVerdict, { kind: 'give-up' }>,
  { spool, log, onProblem }: DeliveryOptions,
): Promise<void> {
  const { jobId, fence, digest, header } = entry;
  await spool.setAside(entry);
  log.error({ jobId, fence, digest, hint: failure.hint }, `${failure.message} It is kept aside.`);
  onProblem(failure.message);
  if (why === 'unknown-job' || (why === 'refused' && header.failure)) return;
  const hint = failure.hint ?? `See state/refused/${digest} on the device.`;
  const bytes = failedResult(header, header.failure ?? { ...failure, hint });
  // A disk that has lost one result is not trusted with the next.
  if (why === 'lost') spool.hold({ bytes, jobId, fence });
  else await spool.add({ bytes, jobId, fence, blobs: [] }).catch(() => spool.hold({ bytes, jobId, fence }));
}

function reportProblem(entry: SpoolEntry, thrown: unknown, { log, onProblem }: DeliveryOptions): void {
  const { code, message, hint } = fromServiceError(thrown);
  const { jobId, fence } = entry;
  log.warn({ jobId, fence, code, hint }, `A result waits to be submitted: ${message}`);
  onProblem(`A result waits to be submitted: ${message}`);
}

/** Until the first wait is over, there is a new session, a result was added, or the signal is aborted. */
async function rest(
  { waits, link }: Queue,
  { spool, welcomes, signal }: Pick<DeliveryOptions, 'spool' | 'welcomes' | 'signal'>,
): Promise<void> {
  // Aborted meanwhile: no event would come any more.
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = (): void => resolve();
  const firstMs = Math.min(...spool.entries.map((entry) => (waits.get(entry) ?? noWait).untilMs));
  const waitMs = Math.max(firstMs, link.untilMs) - performance.now();
  const timer = Number.isFinite(waitMs) ? setTimeout(wake, Math.max(0, waitMs)) : undefined;
  const listening = spool.onAdded(wake);
  welcomes.addEventListener('welcome', wake);
  signal.addEventListener('abort', wake);
  await promise;
  clearTimeout(timer);
  listening[Symbol.dispose]();
  welcomes.removeEventListener('welcome', wake);
  signal.removeEventListener('abort', wake);
}
