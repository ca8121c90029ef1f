import type { BackendInfo__Output } from '@qfleet/shared/gen/qfleet/v1/BackendInfo.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import type { Plan } from '../plan/plan.ts';

/** A device that may connect. Its id stands in its certificate (`spiffe://qfleet/device/<id>`). Times are milliseconds since 1970 by the database's clock. */
export interface DeviceRecord {
  readonly id: string;
  readonly name: string;
  /** SubjectPublicKeyInfo of its Ed25519 key, DER, base64. */
  readonly publicKey: string;
  readonly state: 'approved' | 'revoked';
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number | undefined;
  /** As of its last Hello. */
  readonly agentVersion: string | undefined;
  readonly bootId: string | undefined;
  readonly inventory: Inventory | undefined;
  readonly backends: readonly BackendInfo__Output[];
  /** Agent's wall clock minus the coordinator's at the last Hello, milliseconds. */
  readonly clockOffsetMs: number | undefined;
  /** The certificate that it was given or last connected with, PEM. */
  readonly certificatePem?: string | undefined;
  /** End of that certificate. */
  readonly certificateEndsAtMs?: number | undefined;
  /** Two hosts were seen to use its identity. */
  readonly rival?: DeviceRival | undefined;
}

/** Two hosts that used one identity: a cloned SD card, or a copied identity folder. */
export interface DeviceRival {
  readonly hostnames: readonly string[];
  readonly sinceMs: number;
  readonly lastMs: number;
}

export type RunState = 'running' | 'completed' | 'completed-with-failures' | 'failed' | 'cancelled';

export interface RunRecord {
  readonly id: string;
  readonly name: string;
  readonly plan: Plan;
  readonly modelDigest: string;
  readonly variantDigests: readonly string[];
  readonly deviceIds: readonly string[];
  /** Digest of the prepared dataset the evaluate jobs use. */
  readonly datasetDigest: string | undefined;
  readonly state: RunState;
  /** Why it ended as it did, in words. */
  readonly reason: string;
  /** What was left out of the plan and why, one sentence each. */
  readonly notes: readonly string[];
  readonly createdAtMs: number;
  readonly finishedAtMs: number | undefined;
}

export type JobState = 'queued' | 'leased' | 'completed' | 'failed' | 'cancelled';

/** What a job asks for: the wire's Job without lease. */
export type JobSpec = Pick<Job__Output, 'spec' | 'probe' | 'measure' | 'evaluate'>;

export interface JobRecord {
  readonly id: string;
  readonly runId: string;
  readonly deviceId: string;
  /** Order within the run and device. */
  readonly position: number;
  readonly kind: 'probe' | 'measure' | 'evaluate';
  readonly spec: JobSpec;
  readonly state: JobState;
  readonly fence: number;
  readonly attempts: number;
  readonly leaseUntilMs: number | undefined;
  /** Not leased before this. */
  readonly notBeforeMs: number;
  readonly progress: { readonly step: string; readonly fraction: number } | undefined;
  /** Class and message of the last failed attempt; of a completed job, what its result lacks. */
  readonly failure:
    | { readonly class: string; readonly message: string; readonly hint?: string | undefined }
    | undefined;
  readonly timeLimitMs: number;
}

/** A stored result: the agent's bytes verbatim. */
export interface ResultRecord {
  readonly digest: string;
  readonly jobId: string;
  readonly runId: string;
  readonly deviceId: string;
  readonly fence: number;
  /** `committed` counts; `superseded` and `failed` attempts are kept for the audit. */
  readonly state: 'committed' | 'superseded' | 'failed';
  readonly receivedAtMs: number;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/** A long piece of work of the coordinator's own, such as quantizing; re-queued after a restart. */
export interface TaskRecord {
  readonly id: string;
  readonly kind: string;
  readonly params: unknown;
  readonly state: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  readonly progress: { readonly step: string; readonly fraction: number } | undefined;
  readonly result: unknown;
  readonly error:
    | { readonly code: string; readonly message: string; readonly hint?: string | undefined }
    | undefined;
  readonly createdAtMs: number;
}

/** Something that happened, numbered without gaps in commit order per database; the source of progress streams. */
export interface EventRecord {
  readonly seq: number;
  readonly atMs: number;
  /** `run:<id>`, `task:<id>`, `device:<id>`. */
  readonly subject: string;
  /** `run.created`, `job.leased`, `job.progress`, `job.completed`, `job.failed`, `run.finished`, `task.progress`, … */
  readonly kind: string;
  readonly data: unknown;
}
