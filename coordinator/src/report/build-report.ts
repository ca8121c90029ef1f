import { defaultResamples } from '@qfleet/shared/statistics/bootstrap-interval.ts';
import { minLaunchesToJudge, negligibleEffect } from '@qfleet/shared/statistics/compare-launches.ts';
import { defaultConfidence } from '@qfleet/shared/statistics/interval.ts';
import {
  maxDrift,
  maxLaunchVariation,
  maxOtherShare,
  maxPressureShare,
  maxQuotaShare,
  maxStealShare,
  minFrequencyShare,
} from '@qfleet/shared/verdict/judge-timing.ts';
import { calibrationSensitivity } from '../analysis/calibration-sensitivity.ts';
import { comparePairs } from '../analysis/compare-pairs.ts';
import { comparePlaces } from '../analysis/compare-places.ts';
import type { RunEvidence } from '../analysis/evidence.ts';
import { findProbes } from '../analysis/find-probes.ts';
import { findReferenceVariant } from '../analysis/find-reference-variant.ts';
import { predictLatencies } from '../analysis/latency/predict-latencies.ts';
import { listPlaces } from '../analysis/list-places.ts';
import { noiseFloor } from '../analysis/noise-floor.ts';
import { type Recommendation, recommend } from '../analysis/recommend.ts';
import { type SummarisedCell, summariseCells } from '../analysis/summarise-cells.ts';
import { describeCompatibility } from './describe-compatibility.ts';
import { describeDevice } from './describe-device.ts';
import { describeFindings } from './describe-findings.ts';
import { type Report, reportSchemaId } from './report.ts';

/**
 * The report of one run: a pure function of its evidence, equal bytes (through `JSON.stringify`) for equal
 * evidence. Takes milliseconds for each cell whose measurement was not summarised before.
 */
export function buildReport(evidence: RunEvidence): Report {
  const summaries = summariseCells(evidence);
  const places = listPlaces(summaries);
  const cells = summaries.map((summary) => summary.cell);
  const { run, model, dataset } = evidence;
  const probes = findProbes(evidence);
  const ranks = new Map(run.deviceIds.map((id, i) => [id, i]));
  const comparisons = comparePlaces(evidence, summaries, places);
  return {
    schema: reportSchemaId,
    run: {
      id: run.id,
      name: run.name,
      state: run.state,
      reason: run.reason,
      notes: [...run.notes],
      createdAtMs: run.createdAtMs,
      ...(run.finishedAtMs !== undefined && { finishedAtMs: run.finishedAtMs }),
      plan: { ...run.plan },
    },
    model: {
      digest: model.digest,
      name: model.name,
      sizeBytes: model.sizeBytes,
      ...(model.macs !== undefined && { macs: model.macs }),
    },
    variants: describeVariants(evidence),
    ...(dataset && {
      dataset: {
        digest: dataset.digest,
        name: dataset.name,
        count: dataset.count,
        ...countEvaluated(summaries),
        ...(dataset.classes && { classes: dataset.classes.count }),
        source: dataset.source,
      },
    }),
    devices: evidence.devices
      .toSorted((a, b) => (ranks.get(a.id) ?? -1) - (ranks.get(b.id) ?? -1))
      .map((device) => describeDevice(device, evidence, probes.get(device.id))),
    places,
    cells,
    comparisons,
    noiseFloor: noiseFloor(comparisons, findReferenceVariant(model, evidence.variants)?.digest),
    pairs: comparePairs(evidence, summaries),
    latencyPredictions: predictLatencies(evidence, summaries),
    compatibility: describeCompatibility(cells, evidence),
    calibrations: calibrationSensitivity(cells, evidence.variants).map(({ range, ...one }) => ({
      ...one,
      ...(range && { range }),
    })),
    recommendation: describeRecommendation(recommend(cells, run.plan.goals)),
    findings: describeFindings(cells, places),
    jobs: describeJobs(evidence),
    results: describeResults(evidence),
    method: {
      confidence: defaultConfidence,
      resamples: defaultResamples,
      seed: run.plan.seed,
      minLaunchesToJudge,
      negligibleEffect,
      maxLaunchVariation,
      maxDrift,
      maxStealShare,
      maxOtherShare,
      minFrequencyShare,
      maxPressureShare,
      maxQuotaShare,
    },
  };
}

/** Of the evaluations that are believed. */
function countEvaluated(
  summaries: readonly SummarisedCell[],
): Pick<NonNullable<Report['dataset']>, 'evaluated'> {
  const counts = summaries.flatMap(({ outputs }) => (outputs ? [outputs.facts.count] : []));
  const [first] = counts;
  if (first === undefined) return {};
  const least = counts.reduce((a, b) => Math.min(a, b), first);
  return { evaluated: { least, most: counts.reduce((a, b) => Math.max(a, b), first) } };
}

function describeRecommendation({
  maxAccuracyLoss,
  places,
  everywhere,
}: Recommendation): Report['recommendation'] {
  return {
    ...(maxAccuracyLoss && { maxAccuracyLoss }),
    places: places.map(({ placeId, best, front, misses }) => ({
      placeId,
      ...(best && {
        best: {
          variant: best.variant,
          latencyNs: best.latencyNs,
          ...(best.lossPoints !== undefined && { lossPoints: best.lossPoints }),
          ...(best.lossUpTo !== undefined && { lossUpTo: best.lossUpTo }),
        },
      }),
      front: [...front],
      misses: [...misses],
    })),
    ...(everywhere && { everywhere }),
  };
}

function describeVariants({ model, variants }: RunEvidence): Report['variants'] {
  const reference = findReferenceVariant(model, variants);
  return variants.map(({ digest, name, sizeBytes, record }) => ({
    digest,
    name,
    recipe: record.recipe,
    format: record.format,
    granularity: record.granularity,
    sizeBytes,
    isReference: digest === reference?.digest,
    ...(record.calibration && {
      calibration: {
        datasetDigest: record.calibration.datasetDigest,
        method: record.calibration.method,
        count: record.calibration.count,
        samplesDigest: record.calibration.samplesDigest,
      },
    }),
    quantizedOperators: record.quantizedOperators,
    floatOperators: record.floatOperators,
    ...(record.layerCheck && { layerCheck: record.layerCheck }),
    notes: [...record.notes],
  }));
}

function describeJobs({ jobs }: RunEvidence): Report['jobs'] {
  return jobs.map(({ id, kind, deviceId, state, attempts, failure }) => ({
    id,
    kind,
    deviceId,
    state,
    attempts,
    ...(failure && {
      failure: {
        class: failure.class,
        message: failure.message,
        ...(failure.hint !== undefined && { hint: failure.hint }),
      },
    }),
  }));
}

function describeResults({ results }: RunEvidence): Report['results'] {
  return results
    .map(({ digest, deviceId, result }) => ({
      digest,
      deviceId,
      jobId: result.jobId,
      kind: result.outcome.kind,
    }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
}
