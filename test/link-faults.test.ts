import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createRandom, type Random, shuffle } from '@qfleet/shared/random.ts';
import { buildDoubling } from '../agent/src/testing/build-onnx.ts';
import { FaultProxy } from './support/fault-proxy.ts';
import { Lab, type Running, until } from './support/lab.ts';

const impatient = fileURLToPath(new URL('./support/impatient-coordinator.ts', import.meta.url));
/** Another seed, other moments: QFLEET_TEST_SEED=7 npm test -- test/link-faults.test.ts */
const seed = Number(process.env['QFLEET_TEST_SEED'] ?? 1);

/** What is done to a fleet at work, and how it is undone, so that the run can end. */
type Fault = (fleet: FaultyFleet, random: Random) => Promise<void>;

const faults: Readonly<Record<string, Fault>> = {
  'the link is cut after some bytes of requests': async ({ proxy }, random) => {
    for (let cut = 0; cut < 3; cut++) {
      proxy.cutAfter(random.below(6000), 'requests');
      await sleep(200 + random.below(400));
    }
  },
  'the link is cut after some bytes of answers': async ({ proxy }, random) => {
    for (let cut = 0; cut < 3; cut++) {
      proxy.cutAfter(random.below(200_000), 'answers');
      await sleep(200 + random.below(400));
    }
  },
  'requests arrive, answers are lost': async ({ proxy }, random) => {
    proxy.hold('answers');
    await sleep(300 + random.below(1200));
    proxy.cut();
  },
  'the link is a black hole for longer than a lease': async ({ proxy }, random) => {
    proxy.hold('requests', 'answers');
    await sleep(1600 + random.below(400));
    proxy.release();
  },
  'the link takes no connection': async ({ proxy }, random) => {
    proxy.isRefusing = true;
    proxy.cut();
    await sleep(random.below(1000));
  },
  'the coordinator is killed': async (fleet, random) => {
    await fleet.coordinator.stop('SIGKILL');
    await sleep(random.below(300));
    await fleet.startCoordinator();
  },
  'the coordinator is killed while answers are lost': async (fleet, random) => {
    fleet.proxy.hold('answers');
    await sleep(100 + random.below(600));
    await fleet.coordinator.stop('SIGKILL');
    fleet.proxy.release();
    await fleet.startCoordinator();
  },
  'the agent is killed': async (fleet, random) => {
    await fleet.agent.stop('SIGKILL');
    await sleep(random.below(300));
    fleet.startAgent();
  },
  'the agent is stopped for longer than a lease': async ({ agent }, random) => {
    agent.child.kill('SIGSTOP');
    await sleep(1600 + random.below(400));
    agent.child.kill('SIGCONT');
  },
};

describe(`whatever the link does (seed ${seed})`, () => {
  let fleet!: FaultyFleet;

  before(async () => {
    fleet = new FaultyFleet();
    await fleet.start();
  });

  after(() => fleet?.[Symbol.asyncDispose]());

  const random = createRandom(seed);
  const names = Object.keys(faults);
  const scenarios = [...names, ...shuffle([...names], random).slice(0, 3)];
  for (const [index, name] of scenarios.entries()) {
    const own = createRandom(seed * 1000 + index);
    test(`${name}: nothing acknowledged is lost, a job is counted once, the run ends`, async () => {
      const runId = await fleet.createRun(`scenario-${index}`);
      await sleep(own.below(900));
      await faults[name]?.(fleet, own);
      fleet.proxy.heal();
      const run = await fleet.untilEnded(runId);
      assert.equal(run.state, 'completed', `${run.reason}\n${JSON.stringify(run.jobs, undefined, 1)}`);
      await until('the spool is empty', () => fleet.countSpooled() === 0, fleet.agent);
      fleet.checkHistory();
    });
  }
});

interface Run {
  readonly state: string;
  readonly reason: string;
  readonly jobs: readonly { readonly state: string }[];
}

/** A coordinator with short leases, an agent, and a proxy between them. */
class FaultyFleet implements AsyncDisposable {
  readonly lab = new Lab();
  proxy!: FaultProxy;
  coordinator!: Running;
  agent!: Running;
  #fleetPort = 0;
  /** What earlier agents have said. */
  readonly #agents: Running[] = [];

  async start(): Promise<void> {
    await this.startCoordinator();
    this.proxy = await FaultProxy.start(this.#fleetPort);
    await this.lab.qfleetOk('device', 'add', 'board', '--out', join(this.lab.folder, 'agents', 'board'));
    this.startAgent();
    await until('the agent is connected', () => this.agent.said().includes('Connected.'), this.agent);
  }

  async startCoordinator(): Promise<void> {
    this.coordinator = this.lab.start(impatient, [this.lab.data, String(this.#fleetPort)]);
    await until('the coordinator is up', () => this.coordinator.said().includes('ready\n'), this.coordinator);
    this.#fleetPort = Number(/"fleet":"[^"]*:(\d+)"/.exec(this.coordinator.said())?.[1]);
  }

  startAgent(): void {
    const address = ['--coordinator', `127.0.0.1:${this.proxy.port}`];
    this.agent = this.lab.startAgentLater('board', '--backends', 'noop', ...address);
    this.#agents.push(this.agent);
  }

  /** Three short jobs with a model of its own, so that it has to be fetched. */
  async createRun(name: string): Promise<string> {
    const path = join(this.lab.folder, `${name}.onnx`);
    const padding = createHash('shake256', { outputLength: 100_000 }).update(name).digest('hex');
    writeFileSync(path, buildDoubling(['N', 4], `qfleet.noop busy_ns=100000 ${padding}`));
    await this.#call('POST', '/v1/models', { path, name, contract: { preset: 'raw' } });
    const settings = [1, 2, 3].map((threads) => ({ threads }));
    const timing = {
      launches: 1,
      minSamples: 10,
      minDurationMs: 0,
      maxWarmupSamples: 10,
      operatorProfile: false,
      counters: false,
      repeats: 0,
    };
    const plan = {
      model: name,
      devices: ['board'],
      backends: ['noop'],
      settings,
      timing,
      probeMaxAgeHours: -1,
    };
    const { id } = await this.#call<{ id: string }>('POST', '/v1/runs', plan);
    return id;
  }

  async untilEnded(id: string): Promise<Run> {
    const find = (): Promise<Run> => this.#call<Run>('GET', `/v1/runs/${id}`);
    await until('the run has ended', async () => (await find()).state !== 'running', this.agent);
    return find();
  }

  countSpooled(): number {
    return readdirSync(join(this.lab.folder, 'agents', 'board', 'state', 'spool')).length;
  }

  /** Acknowledged ⊆ stored; one committed result for every completed job; stored bytes equal their digest. */
  checkHistory(): void {
    const database = new DatabaseSync(join(this.lab.data, 'qfleet.db'), { readOnly: true });
    try {
      const results = database.prepare('select * from results').all() as unknown as StoredResult[];
      for (const { digest, bytes } of results) assert.equal(sha256(bytes), digest);
      for (const { jobId, fence } of this.#acknowledged()) {
        const isStored = results.some((one) => one.job_id === jobId && one.fence === fence);
        assert.ok(isStored, `the result of ${jobId} with fence ${fence} was acknowledged, but is not stored`);
      }
      const committed = results.filter(({ state }) => state === 'committed').map(({ job_id }) => job_id);
      const completed = database.prepare("select id from jobs where state = 'completed'").all();
      assert.deepEqual(committed.toSorted(), completed.map(({ id }) => String(id)).toSorted());
      const blobs = database.prepare('select blob_digest as digest from result_blobs').all();
      for (const { digest } of blobs as { digest: string }[]) {
        const path = join(this.lab.data, 'blobs/sha256', digest.slice(0, 2), digest);
        assert.equal(sha256(readFileSync(path)), digest);
      }
    } finally {
      database.close();
    }
  }

  /** What agents took for acknowledged, from their logs. */
  #acknowledged(): { jobId: string; fence: number }[] {
    const lines = this.#agents.flatMap((agent) => agent.said().split('\n'));
    const acknowledged = lines.filter((line) => line.includes('Result submitted.'));
    assert.ok(acknowledged.length > 0);
    return acknowledged.map((line) => JSON.parse(line));
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { url, token } = JSON.parse(readFileSync(join(this.lab.data, 'operator.json'), 'utf8'));
    const response = await fetch(new URL(path, url), {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agent?.child.kill('SIGCONT');
    await this.proxy?.[Symbol.asyncDispose]();
    await this.lab[Symbol.asyncDispose]();
  }
}

interface StoredResult {
  readonly digest: string;
  readonly job_id: string;
  readonly fence: number;
  readonly state: string;
  readonly bytes: Uint8Array;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
