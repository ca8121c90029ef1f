import { X509Certificate } from 'node:crypto';
import type { Server } from '@grpc/grpc-js';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Authority } from '../pki/authority.ts';
import { GroupCommit } from '../store/group-commit.ts';
import { SteadyClock } from '../store/steady-clock.ts';
import type { Store } from '../store/store.ts';
import { bindAgentServer, createAgentServer, formatAddress } from './agent-server.ts';
import { notAllowed } from './device-identity.ts';
import { DevicePaces } from './device-paces.ts';
import { Dispatcher } from './dispatcher.ts';
import { EventBus } from './event-bus.ts';
import type { FleetContext } from './fleet-context.ts';
import { defaultFleetOptions, type FleetOptions } from './fleet-options.ts';
import { IdentityWatch } from './identity-watch.ts';
import { LastSeen } from './last-seen.ts';
import { limitCalls } from './limit-calls.ts';
import { OpenCalls } from './open-calls.ts';
import { OwnCertificateWatch } from './own-certificate-watch.ts';
import { type Presence, SessionRegistry } from './session-registry.ts';
import { SettlingRuns } from './settling-runs.ts';
import { UploadQuota } from './upload-quota.ts';

/** Of the agents' calls, so many ask the store at the same time. */
const callsAtOnce = 8;

export interface FleetParts {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly authority: Authority;
  /** Port 0: any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly logger: Logger;
  /** Shared with whatever else appends events in this process; made where it is absent. */
  readonly events?: EventBus;
  readonly options?: Partial<FleetOptions>;
}

/** The running side of the coordinator that agents see. Disposing of it stops it gracefully. */
export interface Fleet extends AsyncDisposable {
  /** `host:port`, as bound. */
  readonly address: string;
  readonly port: number;
  readonly events: EventBus;
  connectedDeviceIds(): string[];
  /** What is known of a connected device; undefined where it is away. */
  presence(deviceId: string): Presence | undefined;
  /** To be called when a run was created or cancelled: the dispatcher looks at once. */
  wake(): void;
  /** Forgets which hosts used a device's identity: one of them has another one now. */
  forgetRival(deviceId: string): void;
  /** Ends every call of a device at once, as after a revocation. */
  disconnect(deviceId: string): void;
}

/** Starts to serve agents; throws `configuration` where the address is taken. */
export async function startFleet(parts: FleetParts): Promise<Fleet> {
  const options = Object.freeze({ ...defaultFleetOptions, ...parts.options });
  const context: FleetContext = {
    store: limitCalls(parts.store, callsAtOnce),
    blobs: parts.blobs,
    events: parts.events ?? new EventBus(parts.store),
    sessions: new SessionRegistry(),
    openCalls: new OpenCalls(),
    quota: new UploadQuota(options, parts.blobs),
    options,
    logger: parts.logger,
    clock: new SteadyClock(),
    lastSeen: new LastSeen(),
    identities: new IdentityWatch(),
    ownCertificate: new OwnCertificateWatch(endOf(parts.authority.server.certificatePem), parts.logger),
    settling: new SettlingRuns(),
    paces: new DevicePaces({ perSecond: options.maxCallsPerSecond, burst: options.maxCallBurst }),
    progress: new GroupCommit(async (attempts) => {
      await parts.store.recordProgress(attempts);
      return [];
    }),
    wakeHost: (bootId) => {
      for (const { device } of context.sessions.listOfBoot(bootId)) dispatcher.wakeDevice(device.id);
    },
  };
  await parts.store.renewLeases(options.leaseMs);
  // It gives out work and keeps leases, and does not wait behind the agents' calls either.
  const dispatcher = new Dispatcher({ ...context, store: parts.store });
  const server = createAgentServer(context);
  const port = await bindAgentServer(server, parts.authority, parts.listen);
  const dispatching = dispatcher.run();
  const stop = async (): Promise<void> => {
    dispatcher.stop();
    await dispatching;
    await stopServer(context, server);
    await context.lastSeen.write(parts.store);
  };
  let stopped: Promise<void> | undefined;
  return {
    address: formatAddress(parts.listen.host, port),
    port,
    events: context.events,
    presence: (deviceId) => context.sessions.presence(deviceId),
    connectedDeviceIds: () => context.sessions.connectedDeviceIds(),
    wake: () => dispatcher.wake(),
    forgetRival: (deviceId) => context.identities.forget(deviceId),
    disconnect: (deviceId) => context.openCalls.end((call) => call.deviceId === deviceId, notAllowed()),
    [Symbol.asyncDispose]: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** No new calls; open ones are told to come back later, and cut off if they do not end in time. */
async function stopServer(context: FleetContext, server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  context.openCalls.end(() => true, new QfleetError('unavailable', 'The coordinator is stopping.'));
  const timer = setTimeout(() => server.forceShutdown(), context.options.stopMs);
  await closed;
  clearTimeout(timer);
}

function endOf(certificatePem: string): number {
  return new X509Certificate(certificatePem).validToDate.getTime();
}
