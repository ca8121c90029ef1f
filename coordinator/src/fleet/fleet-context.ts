import type { Logger } from '@qfleet/shared/logger.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { GroupCommit } from '../store/group-commit.ts';
import type { SteadyClock } from '../store/steady-clock.ts';
import type { AttemptProgress, Store } from '../store/store.ts';
import type { DevicePaces } from './device-paces.ts';
import type { EventBus } from './event-bus.ts';
import type { FleetOptions } from './fleet-options.ts';
import type { IdentityWatch } from './identity-watch.ts';
import type { LastSeen } from './last-seen.ts';
import type { OpenCalls } from './open-calls.ts';
import type { OwnCertificateWatch } from './own-certificate-watch.ts';
import type { SessionRegistry } from './session-registry.ts';
import type { SettlingRuns } from './settling-runs.ts';
import type { UploadQuota } from './upload-quota.ts';

/** What every call works with. */
export interface FleetContext {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly events: EventBus;
  readonly sessions: SessionRegistry;
  readonly openCalls: OpenCalls;
  readonly quota: UploadQuota;
  readonly options: FleetOptions;
  readonly logger: Logger;
  /** By which silence is judged; no step of the wall clock moves it. */
  readonly clock: SteadyClock;
  readonly lastSeen: LastSeen;
  readonly identities: IdentityWatch;
  readonly ownCertificate: OwnCertificateWatch;
  readonly paces: DevicePaces;
  readonly settling: SettlingRuns;
  readonly progress: GroupCommit<AttemptProgress, void>;
  /** Has the dispatcher look for jobs for the agents of one boot of a host. */
  readonly wakeHost: (bootId: string) => void;
}
