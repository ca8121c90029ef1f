import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientDuplexStream, credentials, type Metadata, type ServiceError } from '@grpc/grpc-js';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import type { AgentServiceClient } from '@qfleet/shared/gen/qfleet/v1/AgentService.ts';
import type { Hello } from '@qfleet/shared/gen/qfleet/v1/Hello.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import type { PutBlobResponse__Output } from '@qfleet/shared/gen/qfleet/v1/PutBlobResponse.ts';
import type { SessionRequest } from '@qfleet/shared/gen/qfleet/v1/SessionRequest.ts';
import type { SessionResponse__Output } from '@qfleet/shared/gen/qfleet/v1/SessionResponse.ts';
import type { StatBlobResponse__Output } from '@qfleet/shared/gen/qfleet/v1/StatBlobResponse.ts';
import type { SubmitResultRequest } from '@qfleet/shared/gen/qfleet/v1/SubmitResultRequest.ts';
import type { SubmitResultResponse__Output } from '@qfleet/shared/gen/qfleet/v1/SubmitResultResponse.ts';
import { blobChunkBytes, loadAgentService } from '@qfleet/shared/grpc/agent-service.ts';
import { createLogger } from '@qfleet/shared/logger.ts';
import type { JobResult, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import { settingsFacts } from '@qfleet/shared/result/settings-facts.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import type { Authority } from '../pki/authority.ts';
import type { DeviceIdentity } from '../pki/issue-device-identity.ts';
import { openAuthority } from '../pki/open-authority.ts';
import type { DatabaseClock } from '../store/database-clock.ts';
import { openStore } from '../store/open-store.ts';
import type { JobSpec } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { exampleHello, exampleRun, exampleSpec } from '../store/store-fixtures.ts';
import { addDevice } from './add-device.ts';
import type { FleetOptions } from './fleet-options.ts';
import { type Fleet, startFleet } from './start-fleet.ts';

/** A coordinator's fleet side on a folder of its own, on a real port, with real certificates. */
export interface TestFleet extends AsyncDisposable {
  readonly folder: string;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly authority: Authority;
  readonly fleet: Fleet;
  /** Registers a device and connects as it. */
  join(name: string): Promise<TestAgent>;
}

export async function startTestFleet(
  options: Partial<FleetOptions> = {},
  wrapBlobs: (blobs: BlobStore) => BlobStore = (blobs) => blobs,
  { clock, wrapStore }: { clock?: DatabaseClock; wrapStore?: (store: Store) => Store } = {},
): Promise<TestFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-fleet-'));
  const opened = await openStore(folder, clock === undefined ? {} : { clock });
  const store = wrapStore?.(opened) ?? opened;
  const blobs = wrapBlobs(await openFileBlobStore(join(folder, 'blobs')));
  const authority = await openAuthority(folder, { nowMs: Date.now() });
  const fleet = await startFleet({
    store,
    blobs,
    authority,
    listen: { host: '127.0.0.1', port: 0 },
    logger: createLogger({ name: 'test', level: 'fatal' }),
    options: { pollIntervalMs: 25, progressIntervalMs: 0, stopMs: 2000, ...options },
  });
  const agents: TestAgent[] = [];
  return {
    folder,
    store,
    blobs,
    authority,
    fleet,
    join: async (name) => {
      const coordinatorAddress = fleet.address;
      const { device, identity } = await addDevice({ store, authority, name, coordinatorAddress });
      const agent = new TestAgent(fleet.address, device.id, identity);
      agents.push(agent);
      return agent;
    },
    [Symbol.asyncDispose]: async () => {
      for (const agent of agents) agent.close();
      await fleet[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A device's identity, of which a rogue may lack parts. */
export type TestIdentity = Partial<DeviceIdentity> & { readonly caPem: string };

/** An agent in as far as the coordinator sees one: it speaks the contract, and does what the test says. */
export class TestAgent {
  readonly deviceId: string;
  readonly identity: TestIdentity;
  readonly client: AgentServiceClient;

  constructor(address: string, deviceId: string, identity: TestIdentity) {
    this.deviceId = deviceId;
    this.identity = identity;
    this.client = connect(address, identity);
  }

  /** A session that has said nothing yet. */
  connect(): TestSession {
    return new TestSession(this.client.session());
  }

  /** A session that has said Hello and was welcomed. */
  async open(bootId = `boot of ${this.deviceId}`, hello: Partial<Hello> = {}): Promise<TestSession> {
    const session = this.connect();
    session.hello(bootId, hello);
    await session.next('welcome');
    return session;
  }

  /** The bytes of a blob from an offset on, as they come. */
  async getBlob(digest: string, offset = 0): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.client.getBlob({ digest, offset })) parts.push(part.data);
    return Buffer.concat(parts);
  }

  /** Uploads in pieces; `announced` may differ from what is sent. */
  putBlob(
    pieces: readonly Uint8Array[],
    announced: { digest: string; totalBytes: number; offset?: number },
  ): Promise<PutBlobResponse__Output> {
    return promise((callback) => {
      const call = this.client.putBlob(callback);
      call.on('error', () => {});
      const [first, ...rest] = pieces;
      call.write({ ...announced, data: Buffer.from(first ?? []) });
      for (const piece of rest) call.write({ data: Buffer.from(piece) });
      call.end();
    });
  }

  /** Uploads a small blob whole, as the one that an example's result refers to. */
  async upload(content: string | Uint8Array): Promise<Digest> {
    const bytes = Buffer.from(content);
    const digest = digestBytes(bytes);
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += blobChunkBytes)
      pieces.push(bytes.subarray(at, at + blobChunkBytes));
    await this.putBlob(pieces, { digest, totalBytes: bytes.length });
    return digest;
  }

  statBlob(digest: string): Promise<StatBlobResponse__Output> {
    return promise((callback) => this.client.statBlob({ digest }, callback));
  }

  /** Hands in a result, signed by the device's own key unless the change says otherwise. */
  submit(result: unknown, change: Partial<SubmitResultRequest> = {}): Promise<SubmitResultResponse__Output> {
    const resultJson = Buffer.from(JSON.stringify(result));
    const signature = sign(null, resultJson, createPrivateKey(this.identity.keyPem ?? ''));
    const request = { resultJson, digest: digestBytes(resultJson), signature, ...change };
    return promise((callback) => this.client.submitResult(request, callback));
  }

  close(): void {
    this.client.close();
  }
}

/** The agent's end of a session: what came is kept until somebody asks for it. */
export class TestSession {
  readonly #call: ClientDuplexStream<SessionRequest, SessionResponse__Output>;
  readonly #received: SessionResponse__Output[] = [];
  readonly ended: Promise<ServiceError | undefined>;
  #arrived = Promise.withResolvers<void>();

  constructor(call: ClientDuplexStream<SessionRequest, SessionResponse__Output>) {
    this.#call = call;
    this.ended = new Promise((resolve) => {
      call.on('error', resolve);
      call.on('end', () => resolve(undefined));
    });
    call.on('data', (message: SessionResponse__Output) => {
      this.#received.push(message);
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
  }

  send(message: SessionRequest): void {
    this.#call.write(message);
  }

  hello(bootId: string, change: Partial<Hello> = {}): void {
    const said = exampleHello(bootId);
    this.send({
      hello: {
        protocolVersion: 1,
        agentVersion: said.agentVersion,
        bootId,
        agentTimeUnixMs: Date.now(),
        inventoryJson: Buffer.from(JSON.stringify(said.inventory)),
        backends: [...said.backends],
        ...change,
      },
    });
  }

  /** The next message of a kind; others stay. Fails when the session ends first. */
  async next<Kind extends NonNullable<SessionResponse__Output['message']>>(
    kind: Kind,
  ): Promise<NonNullable<SessionResponse__Output[Kind]>> {
    for (;;) {
      const index = this.#received.findIndex((message) => message.message === kind);
      const [found] = index < 0 ? [] : this.#received.splice(index, 1);
      if (found) return found[kind] as NonNullable<SessionResponse__Output[Kind]>;
      const ended = this.ended.then((error) => Promise.reject(error ?? new Error('the session has ended')));
      await Promise.race([this.#arrived.promise, ended]);
    }
  }

  async nextJob(): Promise<Job__Output> {
    return (await this.next('lease')).job as Job__Output;
  }

  /** Whether a message of that kind has come and was not asked for. */
  has(kind: NonNullable<SessionResponse__Output['message']>): boolean {
    return this.#received.some((message) => message.message === kind);
  }

  /** Says what is in hand and waits for the answer. */
  async beat(held?: { jobId: string; fence: number }): Promise<void> {
    this.send({ heartbeat: held ? { heldJob: held } : {} });
    await this.next('heartbeatAck');
  }

  cancel(): void {
    this.#call.cancel();
  }
}

/** A client with that identity, or with none. Checks the server's certificate for `localhost`, since TLS has no server names that are addresses. */
function connect(address: string, identity: TestIdentity): AgentServiceClient {
  const Service = loadAgentService();
  const key = identity.keyPem === undefined ? null : Buffer.from(identity.keyPem);
  const chain = identity.certificatePem === undefined ? null : Buffer.from(identity.certificatePem);
  return new Service(address, credentials.createSsl(Buffer.from(identity.caPem), key, chain), {
    'grpc.ssl_target_name_override': 'localhost',
  });
}

/** A run of `count` jobs on each device, by default evaluations of one stored blob. */
export async function createTestRun(
  test: TestFleet,
  id: string,
  deviceIds: readonly string[],
  options: { count?: number; digest?: Digest; spec?: JobSpec } = {},
): Promise<void> {
  const spec = options.spec ?? exampleSpec(options.digest ?? digestBytes('variant'));
  await test.store.createRun(exampleRun(id, deviceIds, options.count ?? 1, spec));
  test.fleet.wake();
}

/** What an agent might hand in for such a job. */
export function evaluateResult(job: Job__Output, change: Partial<JobResult> = {}): JobResult {
  const digest = digestBytes('outputs');
  return {
    schema: 'qfleet.result/1',
    jobId: job.id,
    runId: job.runId,
    fence: job.fence,
    attempt: job.attempt,
    agentVersion: '0.1.0',
    bootId: 'boot',
    startedAtUnixMs: 1,
    durationNs: 1,
    environmentBefore: { atUnixMs: 1 },
    environmentAfter: { atUnixMs: 2 },
    blobs: [digest],
    outcome: {
      kind: 'evaluate',
      facts: {
        backend: { id: 'onnxruntime-cpu', version: '1.30.0' },
        variantDigest: job.evaluate?.variant?.digest ?? '',
        settings: { threads: 0, batch: 1, providerOptions: {}, affinity: [], dimensions: {} },
        datasetDigest: '',
        count: 1,
        inputDigest: digest,
        outputDigest: digest,
        outputs: [{ name: 'scores', elementType: 'float32', shape: [1, 2] }],
        comparison: { count: 0, blob: digest },
        nonFiniteInputs: 0,
        repeat: { count: 0, identical: true },
      },
    },
    ...change,
  };
}

/** What an agent might hand in for a measure job: one launch of each variant, its samples in the blob `samples`. */
export function measureResult(
  job: Job__Output,
  { samples, change = {} }: { samples: Float64Array; change?: Partial<MeasureFacts> },
): JobResult {
  const asked = job.measure;
  const samplesBlob = digestBytes(Buffer.from(samples.buffer));
  const perLaunch = samples.length / Math.max(1, asked?.variants.length ?? 0);
  const timedWallNs = samples.subarray(0, perLaunch).reduce((sum, sampleNs) => sum + sampleNs, 0);
  const facts: MeasureFacts = {
    backend: { id: 'onnxruntime-cpu', version: '1.30.0' },
    scenario: asked?.scenario ?? '',
    settings: settingsFacts(asked?.settings ?? null),
    threadsUsed: asked?.settings?.threads ?? 1,
    launches: (asked?.variants ?? []).map(({ digest }, order) => ({
      variantDigest: digest,
      order,
      startedAtUnixMs: 1,
      sampleOffset: order * perLaunch,
      warmupCount: 0,
      timedCount: perLaunch,
      timedWallNs,
    })),
    samplesBlob,
    profiles: [],
    ...change,
  };
  return evaluateResult(job, {
    blobs: facts.samplesBlob === undefined ? [] : [samplesBlob],
    outcome: { kind: 'measure', facts },
  });
}

/** The gRPC status, the trailers and the words of a refused call. */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ code: number; metadata: Metadata; details: string }> {
  try {
    await call;
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error('expected the call to be refused');
}

type Callback<T> = (error: ServiceError | null, value?: T) => void;

function promise<T>(start: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}
