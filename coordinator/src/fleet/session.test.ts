import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { errorHintMetadataKey } from '@qfleet/shared/grpc/agent-service.ts';
import { sql } from 'kysely';
import { createSqliteClock } from '../store/database-clock.ts';
import type { EventRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { createTestRun, evaluateResult, startTestFleet, type TestFleet } from './fleet-fixture.ts';

test('a connected agent is welcomed and given its jobs one after the other', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const session = await agent.open();
  assert.deepEqual(fleet.fleet.connectedDeviceIds(), [agent.deviceId]);
  await agent.upload('outputs');
  await createTestRun(fleet, 'r', [agent.deviceId], { count: 2 });
  for (const position of [0, 1]) {
    const job = await session.nextJob();
    assert.equal(job.id, `r-${agent.deviceId}-${position}`);
    assert.deepEqual([job.runId, job.fence, job.attempt, job.timeLimitMs], ['r', 1, 1, 1000]);
    assert.equal(job.evaluate?.variant?.digest, digestBytes('variant'));
    assert.equal((await agent.submit(evaluateResult(job))).status, 'committed');
  }
  assert.equal((await fleet.store.findRun('r'))?.state, 'completed');
  assert.deepEqual(await kinds(fleet, 'run:r'), [
    'job.leased',
    'job.completed',
    'job.leased',
    'job.completed',
    'run.finished',
  ]);
});

test('what the agent said in its Hello is recorded', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  await agent.open('boot-7', { agentTimeUnixMs: Date.now() - 3_600_000 });
  const device = await fleet.store.findDevice('pi');
  assert.equal(device?.bootId, 'boot-7');
  assert.equal(device?.inventory?.cpu.model, 'Cortex-A53');
  assert.equal(device?.backends[0]?.id, 'onnxruntime-cpu');
  assert.ok(Math.abs((device?.clockOffsetMs ?? 0) + 3_600_000) < 60_000);
});

test('a Hello that makes no sense ends the session with a reason', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const cases = [
    { hello: { protocolVersion: 0, bootId: 'b' } },
    { hello: { protocolVersion: 1, bootId: '' } },
    { hello: { protocolVersion: 1, bootId: 'b', inventoryJson: Buffer.from('{') } },
    { hello: { protocolVersion: 1, bootId: 'b', inventoryJson: Buffer.from('{}') } },
    { heartbeat: {} },
  ];
  for (const first of cases) {
    const call = agent.client.session();
    call.on('data', () => {});
    const ended = new Promise<{ code: number }>((resolve) => call.on('error', resolve as () => void));
    call.write(first);
    assert.equal((await ended).code, status.INVALID_ARGUMENT);
  }
  assert.deepEqual(fleet.fleet.connectedDeviceIds(), []);
});

test('a newer session of a device replaces the older one', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const older = await agent.open();
  const newer = await agent.open();
  assert.equal((await older.ended)?.code, status.ALREADY_EXISTS, 'which an agent takes for a lasting state');
  await newer.beat();
  assert.deepEqual(fleet.fleet.connectedDeviceIds(), [agent.deviceId]);
});

test('of racing sessions of one device the older ones end at once, whether they have said Hello or not', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const silent = [agent.connect(), agent.connect()];
  assert.equal((await silent[0]?.ended)?.code, status.ALREADY_EXISTS);
  const established = await agent.open();
  await established.beat();
  const third = agent.connect();
  assert.equal((await silent[1]?.ended)?.code, status.ALREADY_EXISTS);
  await established.beat();
  third.hello('another boot');
  assert.equal((await established.ended)?.code, status.ALREADY_EXISTS);
  await third.next('welcome');
  const racing = Array.from({ length: 20 }, () => agent.connect());
  for (const session of racing) session.hello('boot');
  const ends = racing.map((session) => session.ended.then(() => session));
  for (let left = racing.length; left > 1; left--) {
    const ended = await Promise.race(ends);
    assert.equal((await ended.ended)?.code, status.ALREADY_EXISTS);
    const index = racing.indexOf(ended);
    racing.splice(index, 1);
    ends.splice(index, 1);
  }
  await racing[0]?.next('welcome');
  await racing[0]?.beat();
});

test('a reconnecting agent goes on with the job it holds', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await createTestRun(fleet, 'r', [agent.deviceId]);
  const job = await session.nextJob();
  session.cancel();
  const held = { jobId: job.id, fence: job.fence };
  const again = await agent.open(undefined, { heldJobs: [held] });
  await again.beat(held);
  assert.equal((await fleet.store.findJob(job.id))?.fence, 1);
  assert.equal((await fleet.store.findJob(job.id))?.state, 'leased');
  assert.ok(!again.has('cancel') && !again.has('lease'));
});

test('a job that an agent lost comes back with a new fence, and twice lost has failed', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  await createTestRun(fleet, 'r', [agent.deviceId]);
  for (const fence of [1, 2]) {
    const session = await agent.open();
    const job = await session.nextJob();
    assert.equal(job.fence, fence);
    session.send({ progress: { jobId: job.id, fence, step: 'starting', fraction: 0 } });
    await session.beat({ jobId: job.id, fence });
    session.cancel();
  }
  await agent.open();
  const finished = await event(fleet, 'run:r', 'run.finished');
  assert.deepEqual((finished.data as { state: string }).state, 'failed');
  const [job] = await fleet.store.listJobs('r');
  assert.equal(job?.failure?.class, 'crashed-agent');
});

test('a job whose lease is lost on the way, again and again, is done in the end', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  await agent.upload('outputs');
  await createTestRun(fleet, 'r', [agent.deviceId]);
  for (let cut = 0; cut < 4; cut++) {
    const session = await agent.open();
    await session.nextJob();
    session.cancel();
  }
  const job = await (await agent.open()).nextJob();
  assert.equal(job.fence, 5);
  await agent.submit(evaluateResult(job));
  assert.equal((await fleet.store.findJob(job.id))?.state, 'completed');
});

test('two agents with one identity take turns, and every job is counted once', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  await agent.upload('outputs');
  await createTestRun(fleet, 'r', [agent.deviceId]);
  const first = await agent.open('host one');
  const job = await first.nextJob();
  const second = await agent.open('host two');
  assert.equal((await first.ended)?.code, status.ALREADY_EXISTS);
  const again = await second.nextJob();
  assert.deepEqual([again.id, again.fence], [job.id, 2]);
  const answers = await Promise.all([
    agent.submit(evaluateResult(job)),
    agent.submit(evaluateResult(again)),
    agent.submit(evaluateResult(again)),
  ]);
  const statuses = answers.map((answer) => answer.status).toSorted();
  assert.deepEqual(statuses, ['already-stored', 'committed', 'superseded']);
  await event(fleet, 'run:r', 'run.finished');
  const results = await fleet.store.listResults('r');
  assert.deepEqual(results.map((result) => result.state).toSorted(), ['committed', 'superseded']);
});

test('a copied identity is noticed when the first comes back: it is refused while the second works, and both are told', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const first = { agentInstanceId: 'first' };
  const second = { agentInstanceId: 'second' };
  const replaced = await agent.open('boot one', first);
  const held = await agent.open('boot two', second);
  assert.equal((await replaced.ended)?.code, status.ALREADY_EXISTS);
  assert.equal(
    (await fleet.store.findDevice('pi'))?.rival,
    undefined,
    'a card that was moved looks like this',
  );

  const refused = agent.connect();
  refused.hello('boot one', first);
  const error = await refused.ended;
  assert.equal(error?.code, status.ALREADY_EXISTS);
  assert.match(String(error?.details), /Two agents use the identity of pi .*copied/);
  assert.match(decodeURIComponent(String(error?.metadata.get(errorHintMetadataKey)[0])), /device resolve pi/);
  await held.beat();
  const flagged = await fleet.store.findDevice('pi');
  assert.deepEqual(flagged?.rival?.hostnames, ['board']);
  assert.ok((await kinds(fleet, `device:${agent.deviceId}`)).includes('device.rival'));

  const again = agent.connect();
  again.hello('boot two', second);
  assert.match((await again.next('welcome')).notice, /Two agents use the identity of pi/);
  again.cancel();
  await again.ended;
  while (fleet.fleet.presence(agent.deviceId)) await sleep(5);
  const alone = await agent.open('boot one', first);
  await alone.beat();

  fleet.fleet.forgetRival(agent.deviceId);
  await fleet.store.recordRival(agent.deviceId, undefined);
  const resolved = agent.connect();
  resolved.hello('boot two', second);
  assert.equal((await resolved.next('welcome')).notice, '');
});

test('a cancellation that races the completion leaves one final state, whichever comes first', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await agent.upload('outputs');
  for (let round = 0; round < 8; round++) {
    const id = `r${round}`;
    await createTestRun(fleet, id, [agent.deviceId]);
    const job = await session.nextJob();
    const submitting = agent.submit(evaluateResult(job));
    await sleep(round / 2);
    const wasCancelled = await fleet.store.cancelRun(id, 'race').then(
      () => true,
      () => false,
    );
    const answer = await submitting;
    await fleet.store.finishRunIfDone(id);
    await session.beat();
    const run = await fleet.store.findRun(id);
    const [result] = await fleet.store.listResults(id);
    const [{ state: jobState } = { state: '' }] = await fleet.store.listJobs(id);
    assert.equal(run?.state, wasCancelled ? 'cancelled' : 'completed');
    assert.equal(result?.state, answer.status);
    assert.equal(jobState, answer.status === 'committed' ? 'completed' : 'cancelled');
  }
});

test('a lease runs out when its agent goes silent, and heartbeats keep it', async () => {
  await using fleet = await startTestFleet({ leaseMs: 1000 });
  const [kept, silent] = [await fleet.join('kept'), await fleet.join('silent')];
  const [session, other] = [await kept.open(), await silent.open()];
  await createTestRun(fleet, 'r', [kept.deviceId, silent.deviceId]);
  const job = await session.nextJob();
  const lost = await other.nextJob();
  const beating = setInterval(() => {
    session.send({ heartbeat: { heldJob: { jobId: job.id, fence: job.fence } } });
  }, 20);
  const again = await other.next('cancel');
  assert.deepEqual([again.jobId, again.fence], [lost.id, 1]);
  assert.ok((await kinds(fleet, 'run:r')).includes('job.requeued'));
  clearInterval(beating);
  await other.beat();
  assert.equal((await other.nextJob()).fence, 2);
  assert.equal((await fleet.store.findJob(job.id))?.fence, 1);
});

test('a step of the wall clock, either way, neither ends a lease nor keeps it for ever', async () => {
  let steppedMs = 0;
  const usual = createSqliteClock();
  const clock = {
    ...usual,
    nowMs: () => sql<number>`${usual.nowMs()} + ${sql.lit(steppedMs)}`,
  };
  await using fleet = await startTestFleet({ leaseMs: 1_500 }, undefined, { clock });
  const [kept, silent] = [await fleet.join('kept'), await fleet.join('silent')];
  const [session, other] = [await kept.open(), await silent.open()];
  for (const agent of [kept, silent]) await agent.upload('outputs');
  for (const [id, stepMs] of Object.entries({ forward: 3_600_000, back: -7_200_000 })) {
    await createTestRun(fleet, id, [kept.deviceId, silent.deviceId]);
    const [job, lost] = [await session.nextJob(), await other.nextJob()];
    const held = { jobId: job.id, fence: job.fence };
    await session.beat(held);
    steppedMs += stepMs;
    fleet.fleet.wake();
    await session.beat(held);
    const beating = setInterval(() => session.send({ heartbeat: { heldJob: held } }), 100);
    assert.equal((await other.next('cancel')).jobId, lost.id, 'after its lease, and no later');
    clearInterval(beating);
    assert.ok(!session.has('cancel'), `${id}: the job in hand goes on`);
    assert.equal((await kept.submit(evaluateResult(job))).status, 'committed');
    await other.beat();
    assert.equal((await silent.submit(evaluateResult(await other.nextJob()))).status, 'committed');
    assert.equal((await fleet.store.findRun(id))?.state, 'completed');
  }
});

test('a lease is kept while its result is still being uploaded', async () => {
  await using fleet = await startTestFleet({ leaseMs: 3_000 });
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await createTestRun(fleet, 'r', [agent.deviceId]);
  const job = await session.nextJob();
  const leaseUntilMs = async () => (await fleet.store.findJob(job.id))?.leaseUntilMs ?? 0;
  const before = await leaseUntilMs();
  for (let part = 0; (await leaseUntilMs()) === before; part++) {
    const outputs = Buffer.from(`outputs, part ${part}`);
    await agent.putBlob([outputs.subarray(0, 3), outputs.subarray(3)], {
      digest: digestBytes(outputs),
      totalBytes: outputs.length,
    });
    await session.beat();
    await sleep(50);
  }
  assert.ok((await leaseUntilMs()) > before);
});

test('heartbeats of a job in hand cost the database nothing, and another job is looked up', async () => {
  const asked: string[] = [];
  const wrapStore = (store: Store): Store =>
    new Proxy(store, {
      get: (target, name) => {
        asked.push(String(name));
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  await using fleet = await startTestFleet({ pollIntervalMs: 3_600_000 }, undefined, { wrapStore });
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await createTestRun(fleet, 'r', [agent.deviceId]);
  const { id: jobId, fence } = await session.nextJob();
  asked.length = 0;
  for (let beat = 0; beat < 30; beat++) await session.beat({ jobId, fence });
  assert.deepEqual(asked, []);
  await session.beat({ jobId: 'another', fence });
  assert.deepEqual(asked, ['extendLease']);
});

test('a session that sends without a pause is read slowly, and the others are not', async () => {
  await using fleet = await startTestFleet({ maxMessageBurst: 3, maxMessagesPerSecond: 1e-6 });
  const [loud, calm] = [await fleet.join('loud'), await fleet.join('calm')];
  const [flood, other] = [await loud.open(), await calm.open()];
  for (let beat = 0; beat < 500; beat++) flood.send({ heartbeat: {} });
  for (let beat = 0; beat < 3; beat++) await flood.next('heartbeatAck');
  for (let beat = 0; beat < 3; beat++) await other.beat();
  assert.ok(!flood.has('heartbeatAck'), 'the fourth waits for its time');
});

test('the calls of a device that makes them without a pause wait, and those of the others do not', async () => {
  await using fleet = await startTestFleet({ maxCallBurst: 4, maxCallsPerSecond: 1e-6 });
  const [loud, calm] = [await fleet.join('loud'), await fleet.join('calm')];
  const digest = digestBytes('anything');
  let answered = 0;
  for (let call = 0; call < 50; call++) {
    loud.statBlob(digest).then(
      () => answered++,
      () => undefined,
    );
  }
  while (answered < 4) await sleep(5);
  for (let call = 0; call < 4; call++) await calm.statBlob(digest);
  assert.equal(answered, 4);
});

test('when a device was last heard of is known at once where it left, and later where it is connected', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const session = await agent.open();
  const before = (await fleet.store.findDevice('pi'))?.lastSeenAtMs ?? 0;
  await sleep(5);
  await session.beat();
  assert.ok((fleet.fleet.presence(agent.deviceId)?.heardAtMs ?? 0) > before);
  session.cancel();
  for (let seen = 0; seen <= before; ) {
    fleet.fleet.wake();
    await sleep(10);
    seen = (await fleet.store.findDevice('pi'))?.lastSeenAtMs ?? 0;
  }
  assert.equal(fleet.fleet.presence(agent.deviceId), undefined);
});

test('bytes that are refused at their end and sent again do not keep a lease', async () => {
  await using fleet = await startTestFleet({ leaseMs: 60_000 });
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await createTestRun(fleet, 'r', [agent.deviceId]);
  const job = await session.nextJob();
  const until = async () => (await fleet.store.findJob(job.id))?.leaseUntilMs ?? 0;
  const announced = { digest: digestBytes('what was promised'), totalBytes: 5 };
  const upload = () =>
    assert.rejects(agent.putBlob([Buffer.from('ot'), Buffer.from('her')], announced), {
      code: status.DATA_LOSS,
    });
  await upload();
  await session.beat();
  const before = await until();
  for (let attempt = 0; attempt < 3; attempt++) {
    await upload();
    await session.beat();
  }
  assert.equal(await until(), before);
});

test('a session that says nothing for four heartbeats is ended', async () => {
  await using fleet = await startTestFleet({ heartbeatIntervalMs: 20 });
  const session = await (await fleet.join('pi')).open();
  assert.equal((await session.ended)?.code, status.DEADLINE_EXCEEDED);
  assert.deepEqual(fleet.fleet.connectedDeviceIds(), []);
});

test('an agent is told to stop when its run is cancelled, and gets no work until it has', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await createTestRun(fleet, 'r1', [agent.deviceId]);
  const job = await session.nextJob();
  const held = { jobId: job.id, fence: job.fence };
  await fleet.store.cancelRun('r1', 'changed my mind');
  fleet.fleet.wake();
  assert.equal((await session.next('cancel')).jobId, job.id);
  await createTestRun(fleet, 'r2', [agent.deviceId]);
  await session.beat(held);
  assert.ok(!session.has('lease'));
  const failure = { class: 'cancelled' as const, message: 'stopped' };
  await agent.submit(evaluateResult(job, { blobs: [], outcome: { kind: 'failed', failure } }));
  assert.equal((await session.nextJob()).runId, 'r2');
  assert.deepEqual(
    (await fleet.store.listJobs('r1')).map((each) => each.state),
    ['cancelled'],
  );
});

test('an agent that holds a job it may not have is told to stop', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const session = await agent.open();
  session.send({ heartbeat: { heldJob: { jobId: 'nobody-knows', fence: 3 } } });
  const cancel = await session.next('cancel');
  assert.deepEqual([cancel.jobId, cancel.fence], ['nobody-knows', 3]);
  await session.beat();
  await createTestRun(fleet, 'r', [agent.deviceId]);
  await session.nextJob();
});

test('agents of one host take turns', async () => {
  await using fleet = await startTestFleet();
  const [first, second] = [await fleet.join('native'), await fleet.join('wasm')];
  const sessions = [await first.open('host'), await second.open('host')];
  for (const agent of [first, second]) await agent.upload('outputs');
  await createTestRun(fleet, 'r', [first.deviceId, second.deviceId]);
  const agents = [first, second];
  const leases = sessions.map(async (session, index) => ({ index, job: await session.nextJob() }));
  const taken = await Promise.race(leases);
  const other = 1 - taken.index;
  await sessions[other]?.beat();
  assert.equal((await fleet.store.listLeases()).length, 1);
  await agents[taken.index]?.submit(evaluateResult(taken.job));
  assert.equal((await leases[other])?.job.id, `r-${agents[other]?.deviceId}-0`);
});

test('progress is told to those who listen, and bounded', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await createTestRun(fleet, 'r', [agent.deviceId]);
  const { id, fence } = await session.nextJob();
  const heard = new Promise<EventRecord>((resolve) => {
    fleet.fleet.events.subscribe((each) => {
      if (each.kind === 'job.progress') resolve(each);
    });
  });
  session.send({ progress: { jobId: 'another', fence, step: 'lies', fraction: 1 } });
  session.send({ progress: { jobId: id, fence, step: `warming up ${'x'.repeat(500)}`, fraction: 7 } });
  const { data } = await heard;
  assert.deepEqual(
    [(data as { fraction: number }).fraction, (data as { step: string }).step.length],
    [1, 200],
  );
  assert.equal((await fleet.store.findJob(id))?.progress?.fraction, 1);
});

test('what a device had measured when it was revoked counts when it is approved again', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await agent.upload('outputs');
  await createTestRun(fleet, 'r', [agent.deviceId]);
  const job = await session.nextJob();
  await fleet.store.setDeviceState(agent.deviceId, 'revoked');
  await session.ended;
  await event(fleet, 'run:r', 'run.finished');
  const refusal = { code: status.UNAUTHENTICATED };
  await assert.rejects(agent.submit(evaluateResult(job)), refusal);
  await assert.rejects(agent.statBlob(digestBytes('outputs')), refusal);
  assert.equal((await fleet.store.findRun('r'))?.state, 'failed');
  await fleet.store.setDeviceState(agent.deviceId, 'approved');
  assert.equal((await agent.submit(evaluateResult(job))).status, 'committed');
  assert.equal((await fleet.store.findRun('r'))?.state, 'completed');
});

test('revoking a device ends its stream and its job', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await createTestRun(fleet, 'r', [agent.deviceId]);
  await session.nextJob();
  await fleet.store.setDeviceState(agent.deviceId, 'revoked');
  assert.equal((await session.ended)?.code, status.UNAUTHENTICATED);
  const finished = await event(fleet, 'run:r', 'run.finished');
  assert.match((finished.data as { reason: string }).reason, /device-revoked/);
});

test('stopping ends sessions with a word, and a lease survives it', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await createTestRun(fleet, 'r', [agent.deviceId]);
  const job = await session.nextJob();
  await fleet.fleet[Symbol.asyncDispose]();
  assert.equal((await session.ended)?.code, status.UNAVAILABLE);
  assert.equal((await fleet.store.findJob(job.id))?.state, 'leased');
  assert.ok((await kinds(fleet, `device:${agent.deviceId}`)).includes('device.disconnected'));
});

async function kinds(fleet: TestFleet, subject: string): Promise<string[]> {
  return (await fleet.store.listEvents({ afterSeq: 0, subject, limit: 1000 })).map((each) => each.kind);
}

/** The event of that kind, once it has happened. */
async function event(fleet: TestFleet, subject: string, kind: string): Promise<EventRecord> {
  const { promise, resolve } = Promise.withResolvers<EventRecord>();
  const matches = (each: EventRecord): boolean => each.subject === subject && each.kind === kind;
  const unsubscribe = fleet.fleet.events.subscribe((each) => matches(each) && resolve(each));
  const past = (await fleet.store.listEvents({ afterSeq: 0, subject, limit: 1000 })).find(matches);
  const found = past ?? (await promise);
  unsubscribe();
  return found;
}
