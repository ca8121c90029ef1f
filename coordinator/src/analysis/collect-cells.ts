import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { EvaluateFacts, JobResult, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import type { DeviceRecord, JobRecord } from '../store/records.ts';
import type { CellSettings } from './cell.ts';
import type { RunEvidence } from './evidence.ts';

/** A job and what its committed result says; no facts while it has none. */
export interface JobFacts<Facts> {
  readonly job: JobRecord;
  readonly facts: Facts | undefined;
  readonly resultDigest: string | undefined;
}

/** What there is to know of one cell before anything is computed. */
export interface CellEvidence {
  readonly device: DeviceRecord | undefined;
  readonly deviceId: string;
  readonly backendId: string;
  readonly variantDigest: string;
  readonly variantName: string;
  readonly variantSizeBytes: number;
  readonly scenario: string;
  readonly settings: CellSettings;
  readonly settingsDigest: string;
  readonly measure: JobFacts<MeasureFacts> | undefined;
  readonly evaluation: JobFacts<EvaluateFacts> | undefined;
}

type CellKey = Omit<CellEvidence, 'measure' | 'evaluation'>;

/**
 * One entry per planned device × backend × variant × scenario × settings, whether or not its jobs came to an
 * end. An evaluation belongs to the cell with its settings, or, evaluated once
 * for all settings, to every cell of its device, backend and variant.
 */
export function collectCells(evidence: RunEvidence): CellEvidence[] {
  const evaluations = collectEvaluations(evidence);
  const timed = collectMeasured(evidence);
  const withOutputs = timed.map((cell) => ({ ...cell, evaluation: findEvaluation(cell, evaluations) }));
  const used = new Set(withOutputs.map((cell) => cell.evaluation?.job.id));
  const untimed = evaluations
    .filter((entry) => !used.has(entry.evaluation.job.id))
    .map((entry) => ({ ...entry.key, measure: undefined, evaluation: entry.evaluation }));
  return sortCells([...withOutputs, ...untimed], evidence);
}

interface EvaluationEntry {
  readonly key: CellKey;
  readonly evaluation: JobFacts<EvaluateFacts>;
}

function collectMeasured(evidence: RunEvidence): (CellKey & { measure: JobFacts<MeasureFacts> })[] {
  return evidence.jobs.flatMap((job) => {
    const spec = job.spec.measure;
    if (!spec) return [];
    const outcome = resultOf(evidence, job);
    const facts = outcome?.result.outcome.kind === 'measure' ? outcome.result.outcome.facts : undefined;
    return spec.variants.map((variant) => ({
      ...cellKey(evidence, job, spec.backend, variant, spec.scenario, spec.settings),
      measure: { job, facts, resultDigest: outcome?.digest },
    }));
  });
}

function collectEvaluations(evidence: RunEvidence): EvaluationEntry[] {
  const first = evidence.run.plan.scenarios[0] ?? 'single-stream';
  const scenario = typeof first === 'string' ? first : first.scenario;
  return evidence.jobs.flatMap((job) => {
    const spec = job.spec.evaluate;
    if (!spec?.variant) return [];
    const outcome = resultOf(evidence, job);
    const facts = outcome?.result.outcome.kind === 'evaluate' ? outcome.result.outcome.facts : undefined;
    const key = cellKey(evidence, job, spec.backend, spec.variant, scenario, spec.settings);
    return [{ key, evaluation: { job, facts, resultDigest: outcome?.digest } }];
  });
}

function findEvaluation(
  cell: CellKey,
  evaluations: readonly EvaluationEntry[],
): JobFacts<EvaluateFacts> | undefined {
  const candidates = evaluations.filter(
    ({ key }) =>
      key.deviceId === cell.deviceId &&
      key.backendId === cell.backendId &&
      key.variantDigest === cell.variantDigest,
  );
  const exact = candidates.find(({ key }) => key.settingsDigest === cell.settingsDigest);
  return (exact ?? candidates[0])?.evaluation;
}

function cellKey(
  evidence: RunEvidence,
  job: JobRecord,
  backendId: string,
  variant: { digest: string; name: string; sizeBytes: number },
  scenario: string,
  spec: CellSettings | null,
): CellKey {
  const known = evidence.variants.find((candidate) => candidate.digest === variant.digest);
  const settings: CellSettings = {
    threads: spec?.threads ?? 0,
    batch: spec?.batch ?? 1,
    providerOptions: spec?.providerOptions ?? {},
    affinity: spec?.affinity ?? [],
    dimensions: spec?.dimensions ?? {},
  };
  return {
    device: evidence.devices.find((device) => device.id === job.deviceId),
    deviceId: job.deviceId,
    backendId,
    variantDigest: variant.digest,
    variantName: known?.name ?? variant.name,
    variantSizeBytes: known?.sizeBytes ?? variant.sizeBytes,
    scenario,
    settings,
    settingsDigest: digestBytes(canonicalJson(settings)),
  };
}

function resultOf(evidence: RunEvidence, job: JobRecord): { digest: string; result: JobResult } | undefined {
  return evidence.results.find(({ result }) => result.jobId === job.id);
}

/** Devices in the run's order, backends by id, variants in the run's order: whatever order the jobs come in. */
function sortCells(cells: readonly CellEvidence[], { run }: RunEvidence): CellEvidence[] {
  const rank = (list: readonly string[], item: string): number => {
    const index = list.indexOf(item);
    return index < 0 ? list.length : index;
  };
  return cells.toSorted(
    (a, b) =>
      rank(run.deviceIds, a.deviceId) - rank(run.deviceIds, b.deviceId) ||
      compareText(a.deviceId, b.deviceId) ||
      compareText(a.backendId, b.backendId) ||
      compareText(a.scenario, b.scenario) ||
      compareText(a.settingsDigest, b.settingsDigest) ||
      rank(run.variantDigests, a.variantDigest) - rank(run.variantDigests, b.variantDigest),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
