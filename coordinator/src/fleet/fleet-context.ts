import type { Logger } from '@qfleet/shared/logger.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Store } from '../store/store.ts';
import type { EventBus } from './event-bus.ts';
import type { FleetOptions } from './fleet-options.ts';
import type { OpenCalls } from './open-calls.ts';
import type { SessionRegistry } from './session-registry.ts';
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
  /** Has the dispatcher look at once. */
  readonly wake: () => void;
}
