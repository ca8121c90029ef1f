import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Heartbeat__Output } from '@qfleet/shared/gen/qfleet/v1/Heartbeat.ts';
import type { Hello__Output } from '@qfleet/shared/gen/qfleet/v1/Hello.ts';
import type { Progress__Output } from '@qfleet/shared/gen/qfleet/v1/Progress.ts';
import type { SessionRequest__Output } from '@qfleet/shared/gen/qfleet/v1/SessionRequest.ts';
import { announceLostJobs } from './announce.ts';
import { DeviceSession, type Hold, type SessionCall } from './device-session.ts';
import type { FleetContext } from './fleet-context.ts';
import type { Handling } from './handle-call.ts';
import { parseHello } from './parse-hello.ts';
import { nextMessage, readMessages } from './read-messages.ts';

/** Longest step that is stored, characters; it is shown to people. */
const stepLength = 200;

/** One agent's session, from its Hello until either side ends it. Jobs are leased to it by the dispatcher. */
export async function serveSession(context: FleetContext, handling: Handling<SessionCall>): Promise<void> {
  const { call, device, signal } = handling;
  const messages = call[Symbol.asyncIterator]() as AsyncIterator<SessionRequest__Output>;
  const hello = await readHello(context, messages, signal);
  const ended = new AbortController();
  const session = new DeviceSession(device, call, (reason) => ended.abort(reason));
  const whole = AbortSignal.any([signal, ended.signal]);
  const isReconnect = context.sessions.add(session);
  try {
    await greet(context, session, hello);
    const data = { deviceId: device.id, name: device.name, isReconnect };
    await context.events.append({ subject: `device:${device.id}`, kind: 'device.connected', data });
    context.wake();
    for await (const message of readMessages(messages, { signal: whole })) {
      await handleMessage(context, session, message);
    }
  } finally {
    session.close();
    if (context.sessions.remove(session)) await announceDisconnect(context, session);
  }
}

async function readHello(
  context: FleetContext,
  messages: AsyncIterator<SessionRequest__Output>,
  signal: AbortSignal,
): Promise<Hello__Output> {
  const first = await nextMessage(messages, { signal, patienceMs: context.options.patienceMs });
  const hello = (first.value as SessionRequest__Output | undefined)?.hello;
  if (hello) return hello;
  throw new QfleetError('invalid-argument', 'A session begins with a Hello; got something else.');
}

/** Welcomes the agent, then lets it go on with what it still holds and may, and puts back what it has lost. */
async function greet(context: FleetContext, session: DeviceSession, hello: Hello__Output): Promise<void> {
  const { store, options } = context;
  const deviceId = session.device.id;
  await store.recordHello(deviceId, parseHello(hello, Date.now()));
  session.send({
    welcome: {
      deviceId,
      deviceName: session.device.name,
      coordinatorVersion: options.coordinatorVersion,
      heartbeatIntervalMs: options.heartbeatIntervalMs,
      coordinatorTimeUnixMs: Date.now(),
    },
  });
  for (const hold of hello.heldJobs) await takeUp(context, session, hold);
  const lost = await store.abandonLeases({ deviceId, held: hello.heldJobs, maxCrashes: options.maxCrashes });
  await announceLostJobs(context, lost);
  session.isReady = true;
}

async function handleMessage(
  context: FleetContext,
  session: DeviceSession,
  message: SessionRequest__Output,
): Promise<void> {
  session.heardAtMs = performance.now();
  if (message.heartbeat) return handleHeartbeat(context, session, message.heartbeat);
  if (message.progress) return handleProgress(context, session, message.progress);
  if (message.hello) throw new QfleetError('invalid-argument', 'A session has one Hello; got a second.');
  // A message of a newer contract: not ours to understand.
}

async function handleHeartbeat(
  context: FleetContext,
  session: DeviceSession,
  heartbeat: Heartbeat__Output,
): Promise<void> {
  const held = heartbeat.heldJob?.jobId ? heartbeat.heldJob : undefined;
  await context.store.touchDevice(session.device.id);
  if (held) await takeUp(context, session, held);
  else if (session.hasUploaded) await keepLeases(context, session);
  session.hasUploaded = false;
  const wasBusy = session.isBusy;
  session.forgetStopped(held);
  if (wasBusy && !session.isBusy) context.wake();
  session.send({ heartbeatAck: { coordinatorTimeUnixMs: Date.now() } });
}

/** Extends the lease of a job that the agent says it holds, or has it stopped. */
async function takeUp(context: FleetContext, session: DeviceSession, hold: Hold): Promise<void> {
  const { leaseMs } = context.options;
  const { jobId, fence } = hold;
  const answer = await context.store.extendLease({ jobId, fence, deviceId: session.device.id, leaseMs });
  if (answer !== 'held') {
    const reason = answer === 'cancelled' ? 'The run was cancelled.' : 'The lease of this attempt has ended.';
    // Its result may have been committed while the question was under way.
    if (!session.find(hold)?.isSettling) session.cancel({ jobId, fence }, reason);
    return;
  }
  if (session.find(hold)) return;
  const job = await context.store.findJob(jobId);
  if (job) session.hold({ jobId, fence }, job.runId);
}

/** Nothing is in the agent's hand, but the result of its job is on its way over a slow line. */
async function keepLeases(context: FleetContext, session: DeviceSession): Promise<void> {
  for (const hold of session.listUncancelled()) await takeUp(context, session, hold);
}

async function handleProgress(
  context: FleetContext,
  session: DeviceSession,
  progress: Progress__Output,
): Promise<void> {
  const held = session.find(progress);
  const nowMs = performance.now();
  if (!held || held.isCancelled || nowMs - held.progressAtMs < context.options.progressIntervalMs) return;
  held.progressAtMs = nowMs;
  const { jobId, fence } = progress;
  const step = progress.step.slice(0, stepLength);
  const fraction = Math.min(1, Math.max(0, progress.fraction || 0));
  await context.store.recordProgress({ jobId, fence, step, fraction });
  const data = { jobId, deviceId: session.device.id, fence, step, fraction };
  await context.events.append({ subject: `run:${held.runId}`, kind: 'job.progress', data });
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
