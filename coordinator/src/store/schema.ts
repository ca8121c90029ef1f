import type { Kysely } from 'kysely';

/**
 * The tables, in words both dialects understand. Times are milliseconds since 1970 by the database's clock;
 * `_json` columns hold JSON text. PostgreSQL's driver returns 64-bit integers as strings, so rows are
 * read through `Number(…)`.
 */
export interface Schema {
  devices: DeviceRow;
  hosts: HostRow;
  models: ArtefactRow;
  variants: ArtefactRow & { model_digest: string };
  datasets: ArtefactRow;
  imports: ArtefactRow;
  runs: RunRow;
  jobs: JobRow;
  results: ResultRow;
  result_blobs: { result_digest: string; blob_digest: string };
  tasks: TaskRow;
  events: EventRow;
  counters: CounterRow;
}

export type Database = Kysely<Schema>;

export interface DeviceRow {
  id: string;
  name: string;
  /** SubjectPublicKeyInfo, DER, base64. */
  public_key: string;
  state: string;
  created_at_ms: number;
  last_seen_at_ms: number | null;
  agent_version: string | null;
  boot_id: string | null;
  inventory_json: string | null;
  backends_json: string;
  clock_offset_ms: number | null;
  certificate_ends_at_ms: number | null;
  certificate_pem: string | null;
  /** Set where two hosts were seen to use the device's identity. */
  rival_json: string | null;
  /** Set on a device that was removed: old runs still name it, nothing else does. */
  removed_at_ms: number | null;
}

/** One row per boot of a host; updating it serialises the claims of the agents that share the host. */
export interface HostRow {
  boot_id: string;
  claims: number;
}

export interface ArtefactRow {
  digest: string;
  name: string;
  record_json: string;
  created_at_ms: number;
}

export interface RunRow {
  id: string;
  /** 1, 2, 3, … in the order of creation. */
  number: number;
  name: string;
  plan_json: string;
  model_digest: string;
  variant_digests_json: string;
  device_ids_json: string;
  dataset_digest: string | null;
  notes_json: string;
  state: string;
  reason: string;
  created_at_ms: number;
  finished_at_ms: number | null;
}

export interface JobRow {
  id: string;
  run_id: string;
  device_id: string;
  position: number;
  kind: string;
  spec_json: string;
  state: string;
  /** Grows with every lease. */
  fence: number;
  attempts: number;
  /** Leases in a row that ended without a result. */
  losses: number;
  /** On a cancelled job: until when its device may still be stopping. */
  lease_until_ms: number | null;
  not_before_ms: number;
  progress_step: string | null;
  /** 0…1. */
  progress_fraction: number | null;
  failure_json: string | null;
  time_limit_ms: number;
}

export interface ResultRow {
  digest: string;
  job_id: string;
  run_id: string;
  device_id: string;
  fence: number;
  state: string;
  received_at_ms: number;
  /** Verbatim. */
  bytes: Uint8Array;
  signature: Uint8Array;
}

export interface TaskRow {
  id: string;
  number: number;
  kind: string;
  params_json: string;
  state: string;
  progress_step: string | null;
  /** 0…1. */
  progress_fraction: number | null;
  result_json: string | null;
  error_json: string | null;
  created_at_ms: number;
}

export interface EventRow {
  seq: number;
  at_ms: number;
  subject: string;
  kind: string;
  data_json: string;
}

export interface CounterRow {
  name: string;
  value: number;
}
