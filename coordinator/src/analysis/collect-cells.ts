import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { EvaluateFacts, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import type { Variant } from '../artefacts/artefacts.ts';
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
export function collectCells(evidence: StoredFacts): CellEvidence[] {
  const index = indexFacts(evidence);
  const evaluations = collectEvaluations(evidence, index);
  const timed = collectMeasured(evidence, index);
  const byPlace = Map.groupBy(evaluations, ({ key }) => evaluationKey(key));
  const withOutputs = timed.map((cell) => ({
    ...cell,
    evaluation: findEvaluation(cell, byPlace.get(evaluationKey(cell)) ?? []),
  }));
  const used = new Set(withOutputs.map((cell) => cell.evaluation?.job.id));
  const untimed = evaluations
    .filter((entry) => !used.has(entry.evaluation.job.id))
    .map((entry) => ({ ...entry.key, measure: undefined, evaluation: entry.evaluation }));
  return sortCells([...withOutputs, ...untimed], evidence);
}

/** The part of the evidence that tells which cells there are. */
export type StoredFacts = Pick<RunEvidence, 'run' | 'jobs' | 'results' | 'devices' | 'variants'>;

interface FactsIndex {
  readonly devices: ReadonlyMap<string, DeviceRecord>;
  readonly variants: ReadonlyMap<string, Variant>;
  /** By the job that they are of. */
  readonly results: ReadonlyMap<string, RunEvidence['results'][number]>;
}

function indexFacts({ devices, variants, results }: StoredFacts): FactsIndex {
  return {
    devices: new Map(devices.map((device) => [device.id, device])),
    variants: new Map(variants.map((variant) => [variant.digest, variant])),
    // Of several the first, as the store lists them.
    results: new Map(results.map((entry) => [entry.result.jobId, entry] as const).toReversed()),
  };
}

function evaluationKey({ deviceId, backendId, variantDigest }: CellKey): string {
  return [deviceId, backendId, variantDigest].join('|');
}

interface EvaluationEntry {
  readonly key: CellKey;
  readonly evaluation: JobFacts<EvaluateFacts>;
}

function collectMeasured(
  evidence: StoredFacts,
  index: FactsIndex,
): (CellKey & { measure: JobFacts<MeasureFacts> })[] {
  return evidence.jobs.flatMap((job) => {
    const spec = job.spec.measure;
    if (!spec) return [];
    const outcome = index.results.get(job.id);
    const facts = outcome?.result.outcome.kind === 'measure' ? outcome.result.outcome.facts : undefined;
    return spec.variants.map((variant) => ({
      ...cellKey(index, job, spec.backend, variant, spec.scenario, spec.settings),
      measure: { job, facts, resultDigest: outcome?.digest },
    }));
  });
}

function collectEvaluations(evidence: StoredFacts, index: FactsIndex): EvaluationEntry[] {
  const first = evidence.run.plan.scenarios[0] ?? 'single-stream';
  const scenario = typeof first === 'string' ? first : first.scenario;
  return evidence.jobs.flatMap((job) => {
    const spec = job.spec.evaluate;
    if (!spec?.variant) return [];
    const outcome = index.results.get(job.id);
    const facts = outcome?.result.outcome.kind === 'evaluate' ? outcome.result.outcome.facts : undefined;
    const key = cellKey(index, job, spec.backend, spec.variant, scenario, spec.settings);
    return [{ key, evaluation: { job, facts, resultDigest: outcome?.digest } }];
  });
}

/** Of those of the cell's device, backend and variant. */
function findEvaluation(
  cell: CellKey,
  evaluations: readonly EvaluationEntry[],
): JobFacts<EvaluateFacts> | undefined {
  const exact = evaluations.find(({ key }) => key.settingsDigest === cell.settingsDigest);
  return (exact ?? evaluations[0])?.evaluation;
}

function cellKey(
  index: FactsIndex,
  job: JobRecord,
  backendId: string,
  variant: { digest: string; name: string; sizeBytes: number },
  scenario: string,
  spec: CellSettings | null,
): CellKey {
  const known = index.variants.get(variant.digest);
  const settings: CellSettings = {
    threads: spec?.threads ?? 0,
    batch: spec?.batch ?? 1,
    providerOptions: spec?.providerOptions ?? {},
    affinity: spec?.affinity ?? [],
    dimensions: spec?.dimensions ?? {},
  };
  return {
    device: index.devices.get(job.deviceId),
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

/** Devices in the run's order, backends by id, variants in the run's order: whatever order the jobs come in. */
function sortCells(cells: readonly CellEvidence[], { run }: StoredFacts): CellEvidence[] {
  const deviceRanks = new Map(run.deviceIds.map((id, i) => [id, i]));
  const variantRanks = new Map(run.variantDigests.map((digest, i) => [digest, i]));
  const rank = (ranks: ReadonlyMap<string, number>, item: string): number => ranks.get(item) ?? ranks.size;
  return cells.toSorted(
    (a, b) =>
      rank(deviceRanks, a.deviceId) - rank(deviceRanks, b.deviceId) ||
      compareText(a.deviceId, b.deviceId) ||
      compareText(a.backendId, b.backendId) ||
      compareText(a.scenario, b.scenario) ||
      compareText(a.settingsDigest, b.settingsDigest) ||
      rank(variantRanks, a.variantDigest) - rank(variantRanks, b.variantDigest),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
