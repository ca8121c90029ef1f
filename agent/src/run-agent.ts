import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { BackendInfo__Output } from '@qfleet/shared/gen/qfleet/v1/BackendInfo.ts';
import type { Hello } from '@qfleet/shared/gen/qfleet/v1/Hello.ts';
import { protocolVersion } from '@qfleet/shared/grpc/agent-service.ts';
import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import type { Logger } from '@qfleet/shared/logger.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import { agentVersion } from './agent-version.ts';
import { probeBackends } from './backends/probe-backends.ts';
import { BlobCache } from './blobs/blob-cache.ts';
import { freeDiskBytes } from './blobs/free-disk.ts';
import { createBlobSource } from './blobs/open-blob.ts';
import { TransferLog } from './blobs/transfer-log.ts';
import type { Identity } from './config/read-identity.ts';
import type { AgentConfig } from './config/resolve-config.ts';
import { readEnvironment } from './environment/read-environment.ts';
import { lockHost } from './host/host-lock.ts';
import { ownState } from './host/own-state.ts';
import { readBootId } from './inventory/read-boot-id.ts';
import { readInventory } from './inventory/read-inventory.ts';
import { describeIsolation, type Isolation } from './isolation/isolation.ts';
import { probeIsolation } from './isolation/probe-isolation.ts';
import { JobDesk } from './jobs/job-desk.ts';
import type { JobTools } from './jobs/run-job.ts';
import { removeLeftovers } from './remove-leftovers.ts';
import { endLeftovers } from './runner/end-leftovers.ts';
import { startRunner } from './runner/start-runner.ts';
import type { SessionHandlers } from './session/hold-session.ts';
import { keepSession } from './session/keep-session.ts';
import { Link } from './session/link.ts';
import { ProgressSender } from './session/progress-sender.ts';
import { deliverResults } from './spool/deliver-results.ts';
import { Spool } from './spool/spool.ts';
import type { AgentStatus } from './status/agent-status.ts';
import { StatusFile } from './status/status-file.ts';
import { surviveStrays } from './survive-strays.ts';

/** An agent that leaves waits so long for its last results to be taken; they are sent after the next start otherwise. */
const lastDeliveryMs = 10_000;

export interface RunAgentOptions {
  readonly config: AgentConfig;
  readonly identity: Identity;
  readonly log: Logger;
  /** Aborted: finish the job in hand, then leave. */
  readonly drain: AbortSignal;
  /** Aborted: leave now. */
  readonly leave: AbortSignal;
}

/** The agent, from start to leaving: connects, takes jobs, hands in results, through every break of the network. */
export async function runAgent(options: RunAgentOptions): Promise<void> {
  const { config, identity, log, leave } = options;
  await mkdir(config.stateFolder, { recursive: true, mode: 0o700 });
  await using owned = await ownState(config.stateFolder);
  for (const warning of identity.warnings) log.warn(warning);
  const ended = await endLeftovers(owned.path);
  if (ended.length > 0)
    log.warn({ pids: ended }, 'Ended what an earlier agent of this state folder left running.');
  const inventory = await readInventory();
  const bootId = await readBootId();
  const isolation = await isolateRunners(config);
  log.info({ isolation: describeIsolation(isolation) }, 'Isolation of runners.');
  const backends = await probeBackends({
    isolation,
    nodeCommand: config.nodeCommand,
    only: config.backends,
    signal: leave,
  });
  for (const { id, available, version, reason } of backends)
    log.info({ id, available, version, reason }, 'Backend.');
  const agent = await assemble(options, { inventory, bootId, instanceId: randomUUID(), backends, isolation });
  await serve(agent, options);
  log.info('Left.');
}

interface Facts {
  readonly inventory: Inventory;
  readonly bootId: string;
  /** Of this process: by it the coordinator tells two agents with one identity apart. */
  readonly instanceId: string;
  readonly backends: readonly BackendInfo__Output[];
  readonly isolation: Isolation;
}

interface Agent {
  readonly link: Link;
  readonly spool: Spool;
  readonly transfers: TransferLog;
  readonly desk: JobDesk;
  readonly status: StatusFile;
  readonly handlers: SessionHandlers;
  /** Fires at every welcome. */
  readonly welcomes: EventTarget;
  /** As the last welcome said; undefined before the first. */
  maxUploadedResultBytes(): number | undefined;
  onProblem(message: string): void;
  setConnected(isConnected: boolean): void;
}

async function assemble({ config, identity, log }: RunAgentOptions, facts: Facts): Promise<Agent> {
  const { coordinator, stateFolder } = config;
  const { caPem: caCertificate, keyPem: key, certificatePem: certificate } = identity;
  const link = new Link({ coordinator, caCertificate, key, certificate });
  const random = createRandom(processSeed());
  const quota = config.cacheQuotaBytes === undefined ? {} : { quotaBytes: config.cacheQuotaBytes };
  const openBlob = createBlobSource(link);
  const transfers = new TransferLog();
  const cache = await BlobCache.open({
    folder: join(stateFolder, 'cache'),
    openBlob,
    random,
    log,
    transfers,
    ...quota,
  });
  const spool = await Spool.open(join(stateFolder, 'spool'), log);
  const workFolder = join(stateFolder, 'work');
  await removeLeftovers(workFolder);
  const health: { isConnected: boolean; lastError?: AgentStatus['lastError'] } = { isConnected: false };
  const progress = new ProgressSender();
  const desk: JobDesk = new JobDesk({
    workFolder,
    spool,
    log,
    tools: jobTools(config, facts, { cache, transfers, agent: config.name ?? identity.deviceId }),
    onChange: () => {
      if (desk.progress) progress.report(desk.progress);
      status.update();
    },
  });
  const status = new StatusFile(stateFolder, () => ({
    schema: 'qfleet.agent-status/1',
    pid: process.pid,
    agentVersion,
    deviceId: identity.deviceId,
    coordinator,
    connected: health.isConnected,
    ...(desk.progress
      ? {
          job: {
            id: desk.progress.jobId,
            kind: desk.kind,
            step: desk.progress.step,
            fraction: desk.progress.fraction,
          },
        }
      : {}),
    spool: { results: spool.entries.length, bytes: spool.sizeBytes },
    cache: { bytes: cache.sizeBytes, quotaBytes: cache.quotaBytes },
    backends: facts.backends.map(({ id, available, version, reason }) => ({
      id,
      available,
      version,
      reason,
    })),
    isolation: describeIsolation(facts.isolation),
    ...(health.lastError ? { lastError: health.lastError } : {}),
    updatedAtUnixMs: Date.now(),
  }));
  const welcomes = new EventTarget();
  let maxUploadedResultBytes: number | undefined;
  const noteProblem = (message: string): void => {
    health.lastError = { atUnixMs: Date.now(), message };
    status.update();
  };
  /** Once in the log, however many heartbeats meet it. */
  const noteUnreadable = (): void => {
    const message = `The free space of ${stateFolder} cannot be read: is the folder, or its disk, still there?`;
    if (health.lastError?.message !== message) log.warn(message);
    noteProblem(message);
  };
  const handlers: SessionHandlers = {
    hello: () => hello(facts, desk, spool),
    heartbeat: async () => {
      status.update();
      const freeBytes = await freeDiskBytes(stateFolder);
      if (freeBytes === undefined) noteUnreadable();
      return {
        heldJob: desk.held ?? null,
        spoolBytes: spool.sizeBytes,
        ...(freeBytes !== undefined && { freeDiskBytes: freeBytes }),
      };
    },
    onWelcome: (welcome, send) => {
      log.info({ coordinator, deviceId: welcome.deviceId, name: welcome.deviceName }, 'Connected.');
      health.isConnected = true;
      maxUploadedResultBytes = welcome.maxUploadedResultBytes;
      progress.connect(send, desk.progress);
      welcomes.dispatchEvent(new Event('welcome'));
      if (welcome.notice) {
        log.warn(welcome.notice);
        health.lastError = { atUnixMs: Date.now(), message: welcome.notice };
      }
      status.update();
    },
    onLease: (job) => desk.lease(job),
    onCancel: (cancel) => desk.cancel(cancel),
  };
  return {
    link,
    spool,
    transfers,
    desk,
    status,
    handlers,
    welcomes,
    maxUploadedResultBytes: () => maxUploadedResultBytes,
    onProblem: noteProblem,
    setConnected: (isConnected) => {
      health.isConnected = isConnected;
      if (!isConnected) progress.disconnect();
      status.update();
    },
  };
}

/** Runs session, delivery and jobs side by side until the agent is to leave. */
async function serve(agent: Agent, { identity, log, drain, leave }: RunAgentOptions): Promise<void> {
  const { link, spool, transfers, desk, status, handlers, welcomes, onProblem, setConnected } = agent;
  using _surviving = surviveStrays(log, onProblem);
  const ending = new AbortController();
  const random = createRandom(processSeed());
  const onEnd = (message: string): void => {
    setConnected(false);
    onProblem(message);
  };
  const { certificateEndsAtMs } = identity;
  const session = keepSession({
    link,
    certificateEndsAtMs,
    handlers,
    random,
    log,
    onEnd,
    signal: ending.signal,
  });
  const delivery = deliverResults({
    spool,
    link,
    transfers,
    key: identity.key,
    random,
    log,
    onProblem,
    onDelivered: () => status.update(),
    welcomes,
    maxUploadedResultBytes: agent.maxUploadedResultBytes,
    signal: ending.signal,
  });
  await aborted(AbortSignal.any([drain, leave]));
  log.info(
    { job: desk.held?.jobId },
    leave.aborted ? 'Leaving now.' : 'Finishing the job in hand, then leaving.',
  );
  leave.addEventListener('abort', () => desk.abandon(), { once: true });
  if (leave.aborted) desk.abandon();
  await desk.drain();
  if (!leave.aborted) await waitForDelivery(spool, leave);
  ending.abort(new QfleetError('cancelled', 'The agent is leaving.'));
  await Promise.all([session, delivery]);
  link[Symbol.dispose]();
  setConnected(false);
  await status.flush();
}

function jobTools(
  config: AgentConfig,
  { inventory, bootId, isolation }: Facts,
  {
    cache,
    transfers,
    agent,
  }: { readonly cache: BlobCache; readonly transfers: TransferLog; readonly agent: string },
): JobTools {
  return {
    agentVersion,
    bootId,
    isEmulated: inventory.emulated !== undefined,
    nodeCommand: config.nodeCommand,
    runnerMemoryBytes: config.runnerMemoryBytes,
    acquireBlob: (ref, options) => cache.acquire(ref, options),
    startRunner: (options) => startRunner({ ...options, isolation }),
    lockHost: (options) => lockHost({ ...options, agent, bootId: config.lockName ?? bootId }),
    readEnvironment: () => readEnvironment(),
    // Loaded when a probe is asked for: most days there is none.
    runProbes: async (options) => {
      const { runProbes } = await import('./probes/run-probes.ts');
      return runProbes({ ...options, storageFolder: config.stateFolder, transfers: transfers.rates });
    },
  };
}

function hello({ inventory, bootId, instanceId, backends }: Facts, desk: JobDesk, spool: Spool): Hello {
  const unsent = spool.entries.map(({ jobId, fence }) => ({ jobId, fence }));
  return {
    protocolVersion,
    agentVersion,
    bootId,
    agentInstanceId: instanceId,
    agentTimeUnixMs: Date.now(),
    inventoryJson: Buffer.from(JSON.stringify(inventory)),
    backends: [...backends],
    heldJobs: desk.held ? [desk.held, ...unsent] : unsent,
  };
}

/** Runners read variants and shards in the cache and write to their job's folder; the key and unsent results are not theirs. */
async function isolateRunners(config: AgentConfig): Promise<Isolation> {
  const { identityFolder, stateFolder, nodeCommand } = config;
  const temporaryFolder = join(stateFolder, 'tmp');
  await rm(temporaryFolder, { recursive: true, force: true });
  const allowed = [...['cache', 'work'].map((name) => join(stateFolder, name)), temporaryFolder];
  for (const folder of allowed) await mkdir(folder, { recursive: true });
  return await probeIsolation({
    nodeCommand,
    isOff: !config.isolatesRunners,
    denied: [identityFolder, stateFolder],
    allowed,
    temporaryFolder,
  });
}

async function waitForDelivery(spool: Spool, leave: AbortSignal): Promise<void> {
  const until = performance.now() + lastDeliveryMs;
  while (spool.entries.length > 0 && performance.now() < until && !leave.aborted) await sleep(50);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/** Agents of one fleet must not back off in step. */
function processSeed(): number {
  return (process.pid * 2654435761 + Date.now()) >>> 0;
}
