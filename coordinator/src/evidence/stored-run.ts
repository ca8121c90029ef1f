import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import type { DeviceRecord, JobRecord, ResultRecord, RunRecord } from '../store/records.ts';

/** What the store has of one run: plain data, so that another thread can make evidence of it. */
export interface StoredRun {
  readonly run: RunRecord;
  readonly model: Model;
  readonly variants: readonly Variant[];
  readonly dataset: Dataset | undefined;
  readonly devices: readonly DeviceRecord[];
  readonly jobs: readonly JobRecord[];
  /** Committed results of the run, with the latest probe of each device that was not probed in it. */
  readonly results: readonly Pick<ResultRecord, 'digest' | 'deviceId' | 'bytes'>[];
}
