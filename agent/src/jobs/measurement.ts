import type { Digest } from '@qfleet/shared/digest.ts';
import type { MeasureJob__Output } from '@qfleet/shared/gen/qfleet/v1/MeasureJob.ts';
import type { Launch, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import type { LaunchMeasurement, OfferedLoad, PoolSource, VariantRequest } from '../runner/protocol.ts';
import type { JobContext } from './job-context.ts';
import type { SampleLog } from './sample-log.ts';

export interface MeasuredVariant {
  readonly digest: Digest;
  readonly name: string;
  readonly path: string;
  crashes: number;
  /** Set where launching it again would show nothing new. */
  isGivenUp: boolean;
}

/** A measure job while it runs: what it was asked, and what has come of it so far. */
export interface Measurement {
  readonly job: MeasureJob__Output;
  readonly settings: MeasureFacts['settings'];
  readonly load: OfferedLoad;
  readonly variants: readonly MeasuredVariant[];
  readonly inputs: PoolSource;
  readonly context: JobContext;
  /** Other processes compute meanwhile because the load says so. */
  readonly isLoadedOnPurpose: boolean;
  readonly samples: SampleLog;
  readonly launches: Launch[];
  answered: LaunchMeasurement | undefined;
}

export function variantRequest(
  job: Pick<MeasureJob__Output, 'backend'>,
  settings: MeasureFacts['settings'],
  variant: Pick<MeasuredVariant, 'path'>,
): VariantRequest {
  const { threads, providerOptions, dimensions, batch } = settings;
  return { backend: job.backend, variantPath: variant.path, threads, providerOptions, dimensions, batch };
}
