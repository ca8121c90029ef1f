import * as z from 'zod';
import { planSchema } from '../../plan/plan.ts';
import type { JobRecord, RunRecord } from '../../store/records.ts';

const progressSchema = z.object({ step: z.string(), fraction: z.number() });
const failureSchema = z.object({ class: z.string(), message: z.string(), hint: z.string().optional() });

/** One unit of work of a run. Times are milliseconds since 1970. */
const jobViewSchema = z.object({
  id: z.string(),
  deviceId: z.string(),
  kind: z.enum(['probe', 'measure', 'evaluate']),
  /** What it runs, in words: `onnxruntime-cpu · glyphnet-int8`. */
  subject: z.string(),
  state: z.enum(['queued', 'leased', 'completed', 'failed', 'cancelled']),
  attempts: z.number(),
  progress: progressSchema.optional(),
  failure: failureSchema.optional(),
});
export type JobView = z.infer<typeof jobViewSchema>;

/** A run in a list. `reason` says why it ended as it did. */
export const runViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(['running', 'completed', 'completed-with-failures', 'failed', 'cancelled']),
  reason: z.string(),
  notes: z.array(z.string()),
  modelDigest: z.string(),
  variantDigests: z.array(z.string()),
  deviceIds: z.array(z.string()),
  datasetDigest: z.string().optional(),
  createdAtMs: z.number(),
  finishedAtMs: z.number().optional(),
});
export type RunView = z.infer<typeof runViewSchema>;

/** A run with its plan and jobs. */
export const runDetailSchema = runViewSchema.extend({ plan: planSchema, jobs: z.array(jobViewSchema) });
export type RunDetail = z.infer<typeof runDetailSchema>;

/** The view of a stored run. */
export function viewRun(run: RunRecord): RunView {
  return {
    id: run.id,
    name: run.name,
    state: run.state,
    reason: run.reason,
    notes: [...run.notes],
    modelDigest: run.modelDigest,
    variantDigests: [...run.variantDigests],
    deviceIds: [...run.deviceIds],
    ...(run.datasetDigest === undefined ? {} : { datasetDigest: run.datasetDigest }),
    createdAtMs: run.createdAtMs,
    ...(run.finishedAtMs === undefined ? {} : { finishedAtMs: run.finishedAtMs }),
  };
}

/** The view of a stored job. */
export function viewJob(job: JobRecord): JobView {
  const { id, deviceId, kind, state, attempts, progress, failure } = job;
  return {
    id,
    deviceId,
    kind,
    subject: describeSubject(job),
    state,
    attempts,
    ...(progress === undefined ? {} : { progress }),
    ...(failure === undefined ? {} : { failure: viewFailure(failure) }),
  };
}

function viewFailure(failure: NonNullable<JobRecord['failure']>): z.infer<typeof failureSchema> {
  const { class: failureClass, message, hint } = failure;
  return { class: failureClass, message, ...(hint === undefined ? {} : { hint }) };
}

function describeSubject({ spec }: JobRecord): string {
  if (spec.measure) {
    return `${spec.measure.backend} · ${spec.measure.variants.map((variant) => variant.name).join(', ')}`;
  }
  if (spec.evaluate) return `${spec.evaluate.backend} · ${spec.evaluate.variant?.name ?? ''}`;
  return 'device';
}
