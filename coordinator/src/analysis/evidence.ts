import type { JobResult } from '@qfleet/shared/result/job-result.ts';
import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import type { DeviceRecord, JobRecord, RunRecord } from '../store/records.ts';
import type { MeasuredVariant } from './summarise-measurement.ts';

/** Everything a report of one run is computed from: stored facts, loaded; no I/O happens after this. */
export interface RunEvidence {
  readonly run: RunRecord;
  readonly model: Model;
  readonly variants: readonly Variant[];
  /** The prepared dataset that the evaluate jobs used. */
  readonly dataset: Dataset | undefined;
  /** One class per evaluated item, in order; undefined without labels. */
  readonly labels: Uint32Array | undefined;
  readonly devices: readonly DeviceRecord[];
  readonly jobs: readonly JobRecord[];
  /** Committed results of the run, with the latest probe of each device (which may stem from an earlier run). */
  readonly results: readonly {
    readonly digest: string;
    readonly deviceId: string;
    readonly result: JobResult;
  }[];
  /** Content of every blob that the committed results refer to, but for those that were read into `measured`. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** Measure results that were summarised before, by digest; the others are summarised from their blobs. */
  readonly measured?: ReadonlyMap<string, readonly MeasuredVariant[]>;
}
