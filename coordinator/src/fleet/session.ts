import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Heartbeat__Output } from '@qfleet/shared/gen/qfleet/v1/Heartbeat.ts';
import type { Hello__Output } from '@qfleet/shared/gen/qfleet/v1/Hello.ts';
import type { Progress__Output } from '@qfleet/shared/gen/qfleet/v1/Progress.ts';
import type { SessionRequest__Output } from '@qfleet/shared/gen/qfleet/v1/SessionRequest.ts';
import { describeCertificateEnd } from '../pki/certificate-end.ts';
import type { Store } from '../store/store.ts';
import { announceLostJobs } from './announce.ts';
import { DeviceSession, type Hold, type SessionCall } from './device-session.ts';
import { whyNot } from './extend-leases.ts';
import type { FleetContext } from './fleet-context.ts';
import type { Handling } from './handle-call.ts';
import { MessagePace } from './message-pace.ts';
import { parseHello } from './parse-hello.ts';
import { nextMessage, readMessages } from './read-messages.ts';
import { describeIdentity, refuseRival } from './refuse-rival.ts';

/** Longest step that is stored, characters; it is shown to people. */
const stepLength = 200;

/** One agent's session, from its Hello until either side ends it. Jobs are leased to it by the dispatcher. */
export async function serveSession(context: FleetContext, handling: Handling<SessionCall>): Promise<void> {
  const { call, device, certificatePem, validUntilMs, signal } = handling;
  const messages = call[Symbol.asyncIterator]() as AsyncIterator<SessionRequest__Output>;
  const ended = new AbortController();
  const whole = AbortSignal.any([signal, ended.signal]);
  const end = (reason: QfleetError): void => ended.abort(reason);
  const hello = await readHello(context, messages, { deviceId: device.id, signal: whole, end });
  const { instance, ...said } = parseHello(hello, Date.now());
  const rival = await refuseRival(context, device, instance);
  whole.throwIfAborted();
  const expiry = describeCertificateEnd(validUntilMs, Date.now());
  if (expiry) context.logger.warn({ deviceId: device.id, name: device.name }, `${device.name}: ${expiry}.`);
  const session = new DeviceSession({
    device,
    bootId: said.bootId,
    call,
    nowMs: context.clock.nowMs(),
    end,
  });
  const isReconnect = context.sessions.add(session);
  try {
    await greet(context, session, {
      said: { ...said, certificatePem, certificateEndsAtMs: validUntilMs },
      heldJobs: hello.heldJobs,
      notice: describeIdentity(device, { validUntilMs, rival }),
      signal: whole,
    });
    const data = { deviceId: device.id, name: device.name, isReconnect };
    await context.events.append({ subject: `device:${device.id}`, kind: 'device.connected', data });
    context.wakeHost(session.bootId);
    await serveMessages(context, session, { messages, signal: whole });
  } finally {
    session.close();
    context.lastSeen.note(device.id, session.heardAtUnixMs);
    if (context.sessions.remove(session)) await announceDisconnect(context, session);
  }
}

async function readHello(
  context: FleetContext,
  messages: AsyncIterator<SessionRequest__Output>,
  { deviceId, signal, end }: { deviceId: string; signal: AbortSignal; end: (reason: QfleetError) => void },
): Promise<Hello__Output> {
  using _expected = context.sessions.expect(deviceId, end);
  const first = await nextMessage(messages, { signal, patienceMs: context.options.patienceMs });
  const hello = (first.value as SessionRequest__Output | undefined)?.hello;
  if (hello) return hello;
  throw new QfleetError('invalid-argument', 'A session begins with a Hello; got something else.');
}

/**
 * Welcomes the agent, then lets it go on with what it still holds and may, and puts back what it has lost. Throws the
 * signal's reason as soon as the session has ended: what an older session goes on to write would undo a newer one's.
 */
async function greet(
  context: FleetContext,
  session: DeviceSession,
  hello: {
    readonly said: Parameters<Store['recordHello']>[1];
    readonly heldJobs: readonly Hold[];
    readonly notice: string;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { store, options } = context;
  const { said, heldJobs, notice, signal } = hello;
  const deviceId = session.device.id;
  await store.recordHello(deviceId, said);
  signal.throwIfAborted();
  session.send({
    welcome: {
      deviceId,
      deviceName: session.device.name,
      coordinatorVersion: options.coordinatorVersion,
      heartbeatIntervalMs: options.heartbeatIntervalMs,
      coordinatorTimeUnixMs: Date.now(),
      maxUploadedResultBytes: options.maxUploadedResultBytes,
      notice,
    },
  });
  for (const hold of heldJobs) {
    await takeUp(context, session, hold);
    signal.throwIfAborted();
  }
  const lost = await store.abandonLeases({ deviceId, held: heldJobs, maxCrashes: options.maxCrashes });
  await announceLostJobs(context, lost);
  session.isReady = true;
}

/** Serves what the agent says, no faster than any honest agent speaks. */
async function serveMessages(
  context: FleetContext,
  session: DeviceSession,
  { messages, signal }: { messages: AsyncIterator<SessionRequest__Output>; signal: AbortSignal },
): Promise<void> {
  const { maxMessagesPerSecond: perSecond, maxMessageBurst: burst } = context.options;
  const pace = new MessagePace({ perSecond, burst });
  for await (const message of readMessages(messages, { signal })) {
    await pace.take(signal);
    await handleMessage(context, session, message);
  }
}

async function handleMessage(
  context: FleetContext,
  session: DeviceSession,
  message: SessionRequest__Output,
): Promise<void> {
  session.heardAtMs = context.clock.nowMs();
  session.heardAtUnixMs = Date.now();
  if (message.heartbeat) return handleHeartbeat(context, session, message.heartbeat);
  if (message.progress) return handleProgress(context, session, message.progress);
  if (message.hello) throw new QfleetError('invalid-argument', 'A session has one Hello; got a second.');
  // A message of a newer contract: not ours to understand.
}

/** Noted in memory, as long as the agent says what is known: the dispatcher writes for many devices at once. */
async function handleHeartbeat(
  context: FleetContext,
  session: DeviceSession,
  heartbeat: Heartbeat__Output,
): Promise<void> {
  const held = heartbeat.heldJob?.jobId ? heartbeat.heldJob : undefined;
  if (held) await noteHeld(context, session, held);
  // Nothing is in the agent's hand, but the result of its job is on its way over a slow line.
  else if (session.hasUploaded)
    for (const each of session.listUncancelled()) each.heardAtMs = session.heardAtMs;
  session.hasUploaded = false;
  const wasBusy = session.isBusy;
  session.forgetStopped(held);
  if (wasBusy && !session.isBusy) context.wakeHost(session.bootId);
  session.send({ heartbeatAck: { coordinatorTimeUnixMs: Date.now() } });
}

async function noteHeld(context: FleetContext, session: DeviceSession, hold: Hold): Promise<void> {
  const known = session.find(hold);
  if (known) known.heardAtMs = session.heardAtMs;
  else await takeUp(context, session, hold);
}

/** Extends the lease of a job of which the agent says that it holds it, or has it stopped. */
async function takeUp(context: FleetContext, session: DeviceSession, hold: Hold): Promise<void> {
  const { leaseMs } = context.options;
  const { jobId, fence } = hold;
  const answer = await context.store.extendLease({ jobId, fence, deviceId: session.device.id, leaseMs });
  if (answer !== 'held') {
    // Its result may have been committed while the question was under way.
    if (!session.find(hold)?.isSettling) session.cancel({ jobId, fence }, whyNot(answer));
    return;
  }
  const job = await context.store.findJob(jobId);
  if (job) session.hold({ jobId, fence }, { runId: job.runId, nowMs: context.clock.nowMs() });
}

async function handleProgress(
  context: FleetContext,
  session: DeviceSession,
  progress: Progress__Output,
): Promise<void> {
  const held = session.find(progress);
  if (!held || held.isCancelled) return;
  const nowMs = session.heardAtMs;
  held.heardAtMs = nowMs;
  if (nowMs - held.progressAtMs < progressIntervalMs(context)) return;
  held.progressAtMs = nowMs;
  const { jobId, fence } = progress;
  const step = progress.step.slice(0, stepLength);
  const fraction = Math.min(1, Math.max(0, progress.fraction || 0));
  await context.progress.add({ jobId, fence, step, fraction });
  const data = { jobId, deviceId: session.device.id, fence, step, fraction };
  await context.events.append({ subject: `run:${held.runId}`, kind: 'job.progress', data });
}

/** In a large fleet each job tells less often, so that all together tell no more than can be stored. */
function progressIntervalMs({ sessions, options }: FleetContext): number {
  const shareMs = (sessions.size / options.maxProgressPerSecond) * 1000;
  return options.progressIntervalMs === 0 ? 0 : Math.max(options.progressIntervalMs, shareMs);
}

/** May come while the store is closing; the session is over either way. */
async function announceDisconnect(context: FleetContext, session: DeviceSession): Promise<void> {
  const { id, name } = session.device;
  try {
    const data = { deviceId: id, name };
    await context.events.append({ subject: `device:${id}`, kind: 'device.disconnected', data });
  } catch (error) {
    context.logger.debug({ err: error, deviceId: id }, 'a disconnect was not recorded');
  }
}
