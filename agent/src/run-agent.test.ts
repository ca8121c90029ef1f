import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { readStatus } from './status/read-status.ts';
import { buildDoubling } from './testing/build-onnx.ts';
import { FakeCoordinator } from './testing/fake-coordinator.ts';
import { makeMeasureJob, wrapJob } from './testing/make-job.ts';
import { makeTestCertificates, type TestCertificates } from './testing/make-test-certificates.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

const cli = fileURLToPath(new URL('./cli/qfleet-agent.cjs', import.meta.url));

/** The real agent as its own process. */
class AgentProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  log = '';

  constructor(identity: string, env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, [cli, 'run', '--identity', identity, '--backends', 'noop'], {
      stdio: ['pipe', 'inherit', 'pipe'],
      // Not the host's lock: these jobs measure nothing real and must not wait for one that does.
      env: { ...process.env, QFLEET_AGENT_LOCK_NAME: `test-${process.pid}`, ...env },
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.log += text));
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async ended(): Promise<number | null> {
    if (this.isAlive) await once(this.child, 'exit');
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended();
  }
}

describe('an agent and its coordinator', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let certificates: TestCertificates;
  let number = 0;
  before(async () => {
    folder = await temporaryFolder();
    certificates = await makeTestCertificates();
  });
  after(() => folder[Symbol.asyncDispose]());

  const start = async (env: NodeJS.ProcessEnv = {}) => {
    const coordinator = await FakeCoordinator.start({ certificates, heartbeatIntervalMs: 200 });
    const identity = join(folder.path, `device-${number++}`);
    await certificates.writeIdentity(identity, `dev_${number}`, coordinator.address);
    const agent = new AgentProcess(identity, env);
    return { coordinator, identity, agent };
  };
  const model = buildDoubling(['N', 1, 4, 4]);
  const measure = (coordinator: FakeCoordinator, bytes: Buffer = model, over = {}) =>
    makeMeasureJob({ backend: 'noop', variants: [{ ...coordinator.addBlob(bytes), name: 'v' }], ...over });
  const slowModel = buildDoubling(['N', 1, 4, 4], 'qfleet.noop busy_ns=20000000');

  it('says hello, takes a job, hands in a signed result with its blobs, and leaves when told to', async () => {
    const { coordinator, identity, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    const [hello] = coordinator.hellos;
    assert.equal(hello?.protocolVersion, 1);
    assert.deepEqual(hello?.heldJobs, []);
    assert.equal(JSON.parse(hello?.inventoryJson.toString('utf8') ?? '').schema, 'qfleet.inventory/1');
    assert.deepEqual(
      hello?.backends.map(({ id, available }) => [id, available]),
      [['noop', true]],
    );
    coordinator.lease(wrapJob({ measure: measure(coordinator) }));
    await coordinator.until('the result', () => coordinator.results.length === 1);
    const [result] = coordinator.results;
    assert.equal(result?.outcome.kind, 'measure');
    assert.ok(result?.blobs.every((digest) => coordinator.blobs.has(digest)));
    await coordinator.until('heartbeats', () => coordinator.messages.filter((m) => m.heartbeat).length > 2);
    assert.ok(coordinator.messages.some((m) => m.progress?.jobId === 'job_1'));
    const told = await readStatus(join(identity, 'state'));
    assert.equal(told.connected, true);
    assert.deepEqual(await readdir(join(identity, 'state', 'work')), []);
    agent.child.kill('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
    assert.deepEqual(await readdir(join(identity, 'state', 'spool')), []);
    assert.equal((await readStatus(join(identity, 'state'))).connected, false);
  });

  it('goes on with its job through a broken session, and says what it holds', async () => {
    const { coordinator, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    coordinator.lease(
      wrapJob({ measure: measure(coordinator, slowModel, { minSamples: 50, maxDurationMs: 10_000 }) }),
    );
    await coordinator.until('progress', () =>
      coordinator.messages.some((m) => m.progress?.step.startsWith('timing')),
    );
    coordinator.breakSession(status.UNAVAILABLE);
    await coordinator.until('a second hello', () => coordinator.hellos.length === 2);
    assert.deepEqual(coordinator.hellos[1]?.heldJobs, [{ jobId: 'job_1', fence: 1 }]);
    coordinator.lease(wrapJob({ measure: measure(coordinator, slowModel) }, { fence: 2, attempt: 2 }));
    await coordinator.until('the result', () => coordinator.results.length === 1);
    assert.equal(coordinator.results[0]?.fence, 2);
    assert.equal(coordinator.results[0]?.outcome.kind, 'measure');
  });

  const readsProc = process.platform === 'linux' ? false : 'reads /proc';
  it('takes its runner along when it is killed, however busy that is', { skip: readsProc }, async () => {
    const { coordinator, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    // One inference of ten minutes, in which the runner's event loop does not turn.
    const endless = buildDoubling(['N', 1, 4, 4], 'qfleet.noop busy_ns=600000000000');
    coordinator.lease(wrapJob({ measure: measure(coordinator, endless) }));
    const usesProcessor = (pid: number): boolean => processorTicks(pid) > 100;
    await coordinator.until('a busy runner', () => childrenOf(agent.child.pid!).some(usesProcessor));
    const runner = childrenOf(agent.child.pid!).find(usesProcessor)!;
    agent.child.kill('SIGKILL');
    await agent.ended();
    await coordinator.until('the end of the runner', () => processorTicks(runner) === 0);
  });

  it('tells the coordinator for whom its job waits', { skip: readsProc }, async () => {
    const lockName = `test-${process.pid}-held`;
    const stranger = createServer().listen(`\0qfleet-measure-${lockName}`);
    await once(stranger, 'listening');
    stranger.unref();
    const { coordinator, agent } = await start({ QFLEET_AGENT_LOCK_NAME: lockName });
    await using _agent = agent;
    await using _coordinator = coordinator;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    coordinator.lease(wrapJob({ measure: measure(coordinator) }));
    const step = `waiting for the measurement lock of this host, held by pid ${process.pid}, which does not say that it is an agent`;
    await coordinator.until('the reason', () => coordinator.messages.some((m) => m.progress?.step === step));
    stranger.close();
  });

  it('connects again when its heartbeats stay unanswered', async () => {
    const { coordinator, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    coordinator.acksHeartbeats = false;
    await coordinator.until('a second hello', () => coordinator.hellos.length === 2);
  });

  it('keeps a result over a restart and hands it in once, uploads resumed', async () => {
    const { coordinator, identity, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    coordinator.refuseResult = () => status.UNAVAILABLE;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    coordinator.lease(wrapJob({ measure: measure(coordinator) }));
    await coordinator.until('an attempt', () => coordinator.writes.length > 0);
    const spool = join(identity, 'state', 'spool');
    const [digest] = await readdir(spool);
    const bytes = await readFile(join(spool, digest!, 'result.json'));
    agent.child.kill('SIGKILL');
    await agent.ended();
    // The coordinator forgets the blob but for its first bytes.
    const [blob] = JSON.parse(bytes.toString('utf8')).blobs as string[];
    coordinator.keepPartial(blob!, coordinator.blobs.get(blob!)!.subarray(0, 5));
    coordinator.blobs.delete(blob!);
    coordinator.refuseResult = undefined;
    await using again = new AgentProcess(identity);
    await coordinator.until('the result', () => coordinator.results.length === 1);
    assert.deepEqual(coordinator.hellos[1]?.heldJobs, [{ jobId: 'job_1', fence: 1 }]);
    assert.deepEqual(coordinator.resultDigests, [digest]);
    assert.deepEqual(coordinator.writes.at(-1), { digest: blob, offset: 5 });
    again.child.kill('SIGTERM');
    await again.ended();
    assert.deepEqual(await readdir(spool), []);
  });

  it('reports a result that the coordinator will never take as failed, and keeps it aside', async () => {
    const { coordinator, identity, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    let refusals = 0;
    coordinator.refuseResult = () => (refusals++ === 0 ? status.INVALID_ARGUMENT : undefined);
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    coordinator.lease(wrapJob({ measure: measure(coordinator) }));
    await coordinator.until('the result', () => coordinator.results.length === 1);
    const [result] = coordinator.results;
    assert.ok(result?.outcome.kind === 'failed');
    assert.equal(result.outcome.failure.class, 'internal');
    assert.match(result.outcome.failure.message, /coordinator refused the result: refused by the test/);
    assert.deepEqual([result.jobId, result.fence, result.blobs], ['job_1', 1, []]);
    agent.child.kill('SIGTERM');
    await agent.ended();
    assert.deepEqual(await readdir(join(identity, 'state', 'spool')), []);
    const [aside] = await readdir(join(identity, 'state', 'refused'));
    const bytes = await readFile(join(identity, 'state', 'refused', aside!, 'result.json'));
    assert.equal(digestBytes(bytes), aside);
  });

  it('keeps a result of a job that the coordinator does not know aside, and goes on', async () => {
    const { coordinator, identity, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    coordinator.refuseResult = () => status.NOT_FOUND;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    coordinator.lease(wrapJob({ measure: measure(coordinator) }));
    const refused = join(identity, 'state', 'refused');
    await coordinator.until('it is aside', () => existsSync(refused) && readdirSync(refused).length === 1);
    coordinator.refuseResult = undefined;
    coordinator.lease({ ...wrapJob({ measure: measure(coordinator) }), id: 'job_2' });
    await coordinator.until('the next result', () => coordinator.results.length === 1);
    assert.equal(coordinator.results[0]?.jobId, 'job_2');
  });

  it('fetches a variant through breaks in the stream, from where they happened', async () => {
    const { coordinator, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    const big = Buffer.concat([model, Buffer.alloc(1_000_000, 'x')]);
    let breaks = 0;
    coordinator.tamper = ({ offset, data }) => {
      if (offset > 0 && breaks++ < 2) throw new Error('the cable was pulled');
      return data;
    };
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    coordinator.lease(wrapJob({ measure: measure(coordinator, big) }));
    await coordinator.until('the result', () => coordinator.results.length === 1);
    assert.equal(coordinator.results[0]?.outcome.kind, 'measure');
    assert.ok(coordinator.reads.length >= 3);
    assert.ok(coordinator.reads.at(-1)!.offset > 0);
  });

  it('hands in a failure when a blob is not to be had, and takes the next job', async () => {
    const { coordinator, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    const missing = makeMeasureJob({
      backend: 'noop',
      variants: [{ digest: 'f'.repeat(64), name: 'v', sizeBytes: 9 }],
    });
    coordinator.lease(wrapJob({ measure: missing }));
    coordinator.lease(wrapJob({ measure: measure(coordinator) }, { id: 'job_2' }));
    await coordinator.until('both results', () => coordinator.results.length === 2);
    assert.deepEqual(
      coordinator.results.map(({ jobId, outcome }) => [jobId, outcome.kind]),
      [
        ['job_1', 'failed'],
        ['job_2', 'measure'],
      ],
    );
  });

  it('stops a job that the coordinator cancels', async () => {
    const { coordinator, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    coordinator.lease(
      wrapJob({
        measure: measure(coordinator, slowModel, { minSamples: 1_000_000, maxDurationMs: 600_000 }),
      }),
    );
    await coordinator.until('progress', () =>
      coordinator.messages.some((m) => m.progress?.step.startsWith('timing')),
    );
    coordinator.cancel({ jobId: 'job_1', fence: 1, reason: 'the run was cancelled' });
    await coordinator.until('the result', () => coordinator.results.length === 1);
    const outcome = coordinator.results[0]?.outcome;
    assert.equal(outcome?.kind === 'failed' && outcome.failure.class, 'cancelled');
    assert.match(outcome?.kind === 'failed' ? outcome.failure.message : '', /the run was cancelled/);
  });

  it('leaves at once, without a result, at the second SIGTERM', async () => {
    const { coordinator, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    coordinator.lease(
      wrapJob({
        measure: measure(coordinator, slowModel, { minSamples: 1_000_000, maxDurationMs: 600_000 }),
      }),
    );
    await coordinator.until('progress', () =>
      coordinator.messages.some((m) => m.progress?.step.startsWith('timing')),
    );
    agent.child.kill('SIGTERM');
    await coordinator.until('the first signal to be heard', () => agent.log.includes('Finishing the job'));
    agent.child.kill('SIGTERM');
    assert.equal(await agent.ended(), 0);
    assert.equal(coordinator.results.length, 0);
  });

  it('leaves with the process that started it', async () => {
    const { coordinator, agent } = await start({ QFLEET_EXIT_WITH_STDIN: '1' });
    await using _agent = agent;
    await using _coordinator = coordinator;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    agent.child.stdin?.end();
    assert.equal(await agent.ended(), 0);
  });

  it('says why when the coordinator does not accept it, and does not hammer it', async () => {
    const { coordinator, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    coordinator.refuseSessions = status.PERMISSION_DENIED;
    await coordinator.until('the refusal in the log', () =>
      /does not accept this device: not this device/.test(agent.log),
    );
    assert.match(agent.log, /"retryInMs":[3-6]\d{4}/);
  });

  it('goes on when its disk or its log is taken away, says so, and does the next job', async () => {
    const { coordinator, identity, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    const heartbeats = () => coordinator.messages.filter((m) => m.heartbeat).length;
    await coordinator.until('heartbeats', () => heartbeats() > 0);
    const state = join(identity, 'state');
    // A link to itself: nothing can be written below it or asked of it.
    await rename(state, `${state}-before`);
    await symlink(state, state);
    await coordinator.until('the log to say so', () => /free space of .* cannot be read/.test(agent.log));
    const before = heartbeats();
    coordinator.lease(wrapJob({ measure: measure(coordinator) }));
    await coordinator.until('the failure', () => coordinator.results.length === 1);
    assert.equal(coordinator.results[0]?.outcome.kind, 'failed');
    agent.child.stderr?.destroy();
    await rm(state);
    coordinator.lease(wrapJob({ measure: measure(coordinator) }, { id: 'job_2' }));
    await coordinator.until('the next result', () => coordinator.results.length === 2);
    assert.equal(coordinator.results[1]?.outcome.kind, 'measure');
    await coordinator.until('more heartbeats', () => heartbeats() > before + 2);
    assert.ok(agent.isAlive);
  });

  it('does not start twice with one state folder', async () => {
    const { coordinator, identity, agent } = await start();
    await using _agent = agent;
    await using _coordinator = coordinator;
    await coordinator.until('hello', () => coordinator.hellos.length === 1);
    await using second = new AgentProcess(identity);
    assert.equal(await second.ended(), 78);
    assert.match(second.log, /Another agent is running/);
    const link = join(folder.path, 'link-to-state');
    await symlink(join(identity, 'state'), link);
    await using third = new AgentProcess(identity, { QFLEET_AGENT_STATE: link });
    assert.equal(await third.ended(), 78);
    assert.match(third.log, /Another agent is running/);
  });
});

/** Process ids of a process's children, Linux. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

/** User time of a process, ticks of 10 ms; 0 where it has ended. */
function processorTicks(pid: number): number {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return 0;
  const [state, ...fields] = readFileSync(path, 'utf8').split(') ')[1]!.split(' ');
  return state === 'Z' ? 0 : Number(fields[10]);
}
