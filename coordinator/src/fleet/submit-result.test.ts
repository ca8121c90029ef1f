import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import { errorCodeMetadataKey, missingBlobsMetadataKey } from '@qfleet/shared/grpc/agent-service.ts';
import type { JobResult } from '@qfleet/shared/result/job-result.ts';
import { exampleMeasure } from '../store/store-fixtures.ts';
import {
  createTestRun,
  evaluateResult,
  measureResult,
  refusal,
  startTestFleet,
  type TestAgent,
  type TestFleet,
  type TestSession,
} from './fleet-fixture.ts';

test('a result is refused with a list while its blobs are missing, then taken', async () => {
  await using fleet = await startTestFleet();
  const { agent, job } = await leaseJob(fleet);
  const result = evaluateResult(job);
  const refused = await refusal(agent.submit(result));
  assert.equal(refused.code, status.FAILED_PRECONDITION);
  assert.deepEqual(refused.metadata.get(missingBlobsMetadataKey), [digestBytes('outputs')]);
  assert.deepEqual(refused.metadata.get(errorCodeMetadataKey), ['failed-precondition']);
  assert.deepEqual(await fleet.store.listResults('r'), []);
  await agent.upload('outputs');
  assert.equal((await agent.submit(result)).status, 'committed');
});

test('the same result again is a success that changes nothing; another one is superseded', async () => {
  await using fleet = await startTestFleet();
  const { agent, job } = await leaseJob(fleet);
  await agent.upload('outputs');
  const result = evaluateResult(job);
  const answers = await Promise.all([agent.submit(result), agent.submit(result), agent.submit(result)]);
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [
    'already-stored',
    'already-stored',
    'committed',
  ]);
  assert.equal((await agent.submit({ ...result, durationNs: 2 })).status, 'superseded');
  const stored = await fleet.store.listResults('r');
  assert.deepEqual(stored.map((each) => each.state).sort(), ['committed', 'superseded']);
  const committed = stored.find((each) => each.state === 'committed');
  assert.equal(Buffer.from(committed!.bytes).toString(), JSON.stringify(result));
});

test('a result with a wrong signature or digest is refused', async () => {
  await using fleet = await startTestFleet();
  const { agent, job } = await leaseJob(fleet);
  await agent.upload('outputs');
  const other = await fleet.join('other');
  const result = evaluateResult(job);
  const forged = agent.submit(result, { signature: Buffer.alloc(64, 1) });
  assert.equal((await refusal(forged)).code, status.PERMISSION_DENIED);
  const unsigned = agent.submit(result, { signature: Buffer.alloc(0) });
  assert.equal((await refusal(unsigned)).code, status.PERMISSION_DENIED);
  const spoilt = agent.submit(result, { digest: digestBytes('something else') });
  assert.equal((await refusal(spoilt)).code, status.DATA_LOSS);
  assert.equal((await refusal(other.submit(result))).code, status.NOT_FOUND, 'not a job of that device');
  assert.deepEqual(await fleet.store.listResults('r'), []);
});

test('a result that does not fit its job is refused', async () => {
  await using fleet = await startTestFleet();
  const { agent, job } = await leaseJob(fleet);
  await agent.upload('outputs');
  const good = evaluateResult(job);
  const facts = good.outcome.kind === 'evaluate' ? good.outcome.facts : assert.fail();
  const evaluate = (change: Partial<typeof facts>): Partial<JobResult> => ({
    outcome: { kind: 'evaluate', facts: { ...facts, ...change } },
  });
  const misfits: unknown[] = [
    { ...good, runId: 'another' },
    { ...good, schema: 'qfleet.result/2' },
    { ...good, durationNs: -1 },
    { ...good, blobs: [] },
    { ...good, ...evaluate({ variantDigest: digestBytes('another') }) },
    { ...good, ...evaluate({ backend: { id: 'noop', version: '1' } }) },
    { ...good, ...evaluate({ count: 1.5 }) },
    { ...good, outcome: { kind: 'probe', facts: { readings: [], latencyLadder: [] } } },
    'a string',
  ];
  for (const misfit of misfits) {
    assert.equal((await refusal(agent.submit(misfit))).code, status.INVALID_ARGUMENT, JSON.stringify(misfit));
  }
  assert.equal((await refusal(agent.submit({ ...good, fence: 9 }))).code, status.NOT_FOUND);
  assert.equal((await refusal(agent.submit({ ...good, jobId: 'none' }))).code, status.NOT_FOUND);
  assert.equal((await agent.submit(good)).status, 'committed');
});

test('samples a thousand times below the time they took are refused on the wire, right ones are taken', async () => {
  await using fleet = await startTestFleet();
  const { agent, job } = await leaseMeasureJob(fleet);
  const samples = new Float64Array(100).fill(2e6);
  const short = samples.map((sampleNs) => sampleNs / 1000);
  for (const each of [samples, short]) await agent.upload(Buffer.from(each.buffer));
  const right = measureResult(job, { samples });
  const facts = right.outcome.kind === 'measure' ? right.outcome.facts : assert.fail();
  const wrong = measureResult(job, { samples: short, change: { launches: facts.launches } });
  const refused = await refusal(agent.submit(wrong));
  assert.equal(refused.code, status.INVALID_ARGUMENT);
  assert.match(refused.details, /expected of launch 0, 100 samples timed in 200000000 ns, a sum of at least/);
  assert.equal((await agent.submit(right)).status, 'committed');
  assert.equal((await fleet.store.findRun('r'))?.state, 'completed');
});

test('a run whose results are formally right and hold nothing has not completed', async () => {
  await using fleet = await startTestFleet();
  const { agent, session, job } = await leaseMeasureJob(fleet);
  const { outcome, ...rest } = measureResult(job, { samples: new Float64Array() });
  const facts = outcome.kind === 'measure' ? outcome.facts : assert.fail();
  const { samplesBlob: _none, ...empty } = { ...facts, launches: [] };
  const hollow = { ...rest, blobs: [], outcome: { kind: 'measure', facts: empty } };
  assert.equal((await agent.submit(hollow)).status, 'committed');
  const run = await fleet.store.findRun('r');
  assert.equal(run?.state, 'completed-with-failures');
  const [record] = await fleet.store.listJobs('r');
  assert.match(record?.failure?.message ?? '', /fp32 was not timed: The result has no launch of it/);
  await createTestRun(fleet, 'probe', [agent.deviceId], {
    spec: { spec: 'probe', probe: { maxMemoryBytes: 0 } },
  });
  const probe = { kind: 'probe' as const, facts: { readings: [], latencyLadder: [] } };
  await agent.submit(evaluateResult(await session.nextJob(), { blobs: [], outcome: probe }));
  assert.equal((await fleet.store.findRun('probe'))?.state, 'completed-with-failures');
});

test('a large result comes as a blob, is stored as it is signed, and leaves no blob behind', async () => {
  await using fleet = await startTestFleet();
  const { agent, job } = await leaseJob(fleet);
  await agent.upload('outputs');
  const result = evaluateResult(job, { agentVersion: 'x'.repeat(5 << 20) });
  const bytes = Buffer.from(JSON.stringify(result));
  const byDigest = { resultJson: Buffer.alloc(0), uploadedBytes: bytes.length };
  const refused = await refusal(agent.submit(result, byDigest));
  assert.equal(refused.code, status.FAILED_PRECONDITION);
  assert.deepEqual(refused.metadata.get(missingBlobsMetadataKey), [digestBytes(bytes)]);
  await agent.upload(bytes.toString());
  const forged = agent.submit(result, { ...byDigest, signature: Buffer.alloc(64, 1) });
  assert.equal((await refusal(forged)).code, status.PERMISSION_DENIED);
  assert.equal((await agent.submit(result, byDigest)).status, 'committed');
  const [stored] = await fleet.store.listResults('r');
  assert.ok(Buffer.from(stored!.bytes).equals(bytes));
  assert.equal(await fleet.blobs.stat(digestBytes(bytes)), undefined);
  await agent.upload(bytes.toString());
  assert.equal((await agent.submit(result, byDigest)).status, 'already-stored');
});

test('a result that the disk has changed is asked for again, one that is too large is refused for good', async () => {
  await using fleet = await startTestFleet({ maxUploadedResultBytes: 2000 });
  const { agent, session, job } = await leaseJob(fleet);
  await agent.upload('outputs');
  const result = evaluateResult(job);
  const bytes = Buffer.from(JSON.stringify(result));
  const byDigest = { resultJson: Buffer.alloc(0), uploadedBytes: bytes.length };
  await agent.upload(bytes.toString());
  const path = await fleet.blobs.path(digestBytes(bytes));
  await chmod(path, 0o600);
  await writeFile(path, 'spoilt');
  assert.equal((await refusal(agent.submit(result, byDigest))).code, status.FAILED_PRECONDITION);
  await agent.upload(bytes.toString());
  assert.equal((await agent.submit(result, byDigest)).status, 'committed');
  await createTestRun(fleet, 'r2', [agent.deviceId]);
  const large = evaluateResult(await session.nextJob(), { agentVersion: 'x'.repeat(3000) });
  const largeBytes = Buffer.from(JSON.stringify(large));
  await agent.upload(largeBytes.toString());
  // The size is the blob's, whatever is announced.
  const refused = await refusal(agent.submit(large, { resultJson: Buffer.alloc(0), uploadedBytes: 1 }));
  assert.equal(refused.code, status.INVALID_ARGUMENT);
  assert.match(refused.details, /at most 2000 are taken/);
});

test('a crash is tried twice more, then the job has failed', async () => {
  await using fleet = await startTestFleet();
  const { agent, session, job } = await leaseJob(fleet);
  const fail = (attempt: Job__Output) => agent.submit(failed(attempt, 'crashed'));
  await fail(job);
  const second = await session.nextJob();
  assert.deepEqual([second.fence, second.attempt], [2, 2]);
  await fail(second);
  await fail(await session.nextJob());
  const [record] = await fleet.store.listJobs('r');
  assert.deepEqual([record?.state, record?.attempts, record?.failure?.class], ['failed', 3, 'crashed']);
  assert.equal((await fleet.store.findRun('r'))?.state, 'failed');
});

test('results without end for a job that has ended are not kept, nor do they free the quota', async () => {
  await using fleet = await startTestFleet({ maxBytesPerResult: 1000 });
  const { agent, job } = await leaseJob(fleet);
  await agent.submit(failed(job, 'bad-model'));
  const again = (durationNs: number) => agent.submit({ ...failed(job, 'crashed'), durationNs });
  await agent.upload(Buffer.alloc(900));
  assert.equal((await again(2)).status, 'superseded');
  const refused = await refusal(again(3));
  assert.equal(refused.code, status.INVALID_ARGUMENT);
  assert.match(refused.details, /2 other results already/);
  assert.equal((await again(2)).status, 'already-stored');
  assert.equal((await fleet.store.listResults('r')).length, 2);
  assert.equal((await refusal(agent.upload(Buffer.alloc(200)))).code, status.RESOURCE_EXHAUSTED);
});

test('a result that ends its attempt frees the quota', async () => {
  await using fleet = await startTestFleet({ maxBytesPerResult: 1000 });
  const { agent, job } = await leaseJob(fleet);
  await agent.upload(Buffer.alloc(900));
  await agent.upload('outputs');
  await agent.submit(evaluateResult(job));
  await agent.upload(Buffer.alloc(900, 1));
});

test('a bad model fails at once, with the words of the agent', async () => {
  await using fleet = await startTestFleet();
  const { agent, job } = await leaseJob(fleet);
  await agent.submit(failed(job, 'bad-model'));
  const [record] = await fleet.store.listJobs('r');
  assert.equal(record?.failure?.message, 'it is bad-model');
  assert.equal(record?.state, 'failed');
});

test('a result counts though its device lost the session before', async () => {
  await using fleet = await startTestFleet();
  const { agent, session, job } = await leaseJob(fleet);
  await agent.upload('outputs');
  session.cancel();
  assert.equal((await agent.submit(evaluateResult(job))).status, 'committed');
});

async function leaseJob(
  fleet: TestFleet,
): Promise<{ agent: TestAgent; session: TestSession; job: Job__Output }> {
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await createTestRun(fleet, 'r', [agent.deviceId]);
  return { agent, session, job: await session.nextJob() };
}

async function leaseMeasureJob(fleet: TestFleet): ReturnType<typeof leaseJob> {
  const agent = await fleet.join('pi');
  const session = await agent.open();
  const spec = { spec: 'measure' as const, measure: exampleMeasure() };
  await createTestRun(fleet, 'r', [agent.deviceId], { spec });
  return { agent, session, job: await session.nextJob() };
}

function failed(job: Job__Output, failureClass: 'crashed' | 'bad-model'): JobResult {
  const failure = { class: failureClass, message: `it is ${failureClass}` };
  return evaluateResult(job, { blobs: [], outcome: { kind: 'failed', failure } });
}
