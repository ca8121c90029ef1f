import type { Reading } from '@qfleet/shared/reading.ts';
import type { Cell } from '../analysis/cell.ts';
import type { RunComparison } from '../analysis/compare-runs.ts';
import type { Report } from '../report/report.ts';
import type { Policy } from './policy.ts';

/** One rule applied to one thing. */
export interface Check {
  /** `maxAccuracyLoss`, … */
  readonly rule: string;
  /** `int8-per-channel on pi3, onnxruntime-cpu`. */
  readonly subject: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What was found, against what was asked. */
  readonly detail: string;
}

/**
 * A policy over a report, and over the comparison with a base run where it asks for that. What cannot be known, as
 * latencies of emulated devices, is skipped and said, but for what the policy asks to be shown. Pure.
 */
export function judgeGate(
  policy: Policy,
  report: Report,
  regressions: readonly RunComparison[] | undefined,
): Check[] {
  const wanted = new Set(
    policy.variants ??
      report.variants.filter(({ granularity }) => granularity !== 'none').map(({ name }) => name),
  );
  const cells = report.cells.filter(({ variant }) => wanted.has(variant.name));
  return [
    ...missingVariants(policy, report),
    ...cells.flatMap((cell) => [...checkAccuracy(policy, cell), ...checkTiming(policy, cell)]),
    ...checkComparisons(policy, report, wanted),
    ...checkIntegers(policy, report, wanted),
    ...(policy.regression && regressions ? checkRegressions(policy.regression, regressions, wanted) : []),
  ];
}

function missingVariants({ variants = [] }: Policy, report: Report): Check[] {
  const known = new Set(report.variants.map(({ name }) => name));
  return variants
    .filter((name) => !known.has(name))
    .map((name) => ({
      rule: 'variants',
      subject: name,
      outcome: 'failed',
      detail: 'the run has no such variant',
    }));
}

function subjectOf({ variant, deviceName, backend, scenario }: Cell): string {
  return `${variant.name} on ${deviceName}, ${backend.id}, ${scenario}`;
}

function checkAccuracy({ maxAccuracyLoss: limit }: Policy, cell: Cell): Check[] {
  if (limit === undefined || cell.isReference) return [];
  return [checkUpper('maxAccuracyLoss', subjectOf(cell), cell.readings['accuracy.loss'], limit, 'points')];
}

/** The upper end of an interval against a limit; without a value there is nothing to pass by. */
function checkUpper(
  rule: string,
  subject: string,
  reading: Reading | undefined,
  limit: number,
  unit: string,
): Check {
  if (!reading || reading.status === 'unavailable') {
    return { rule, subject, outcome: 'failed', detail: `not known: ${reading?.reason ?? 'not reported'}` };
  }
  const upper = reading.interval?.high ?? reading.value;
  const detail = `up to ${Number(upper.toPrecision(4))} ${unit}, limit ${limit}`;
  return { rule, subject, outcome: upper <= limit ? 'passed' : 'failed', detail };
}

function checkTiming({ timing: allowed }: Policy, cell: Cell): Check[] {
  if (!allowed) return [];
  const { verdict, reasons } = cell.timing;
  const subject = subjectOf(cell);
  if (verdict === 'emulated' && !allowed.includes('emulated')) {
    return [{ rule: 'timing', subject, outcome: 'skipped', detail: 'emulated: it is not timed' }];
  }
  const why = reasons[0] ? `: ${reasons[0].detail}` : '';
  return [
    {
      rule: 'timing',
      subject,
      outcome: allowed.includes(verdict) ? 'passed' : 'failed',
      detail: `${verdict}${why}`,
    },
  ];
}

function checkComparisons(policy: Policy, report: Report, wanted: ReadonlySet<string>): Check[] {
  const groups = Map.groupBy(
    report.comparisons.filter(({ variant }) => wanted.has(variant.name)),
    ({ placeId, variant }) => `${placeId} ${variant.digest}`,
  );
  return [...groups.values()].flatMap((group) => {
    const one = group[0]!;
    const place = report.places.find(({ id }) => id === one.placeId);
    const subject = `${one.variant.name} on ${place?.deviceName ?? one.placeId}, ${place?.backendId ?? ''}`;
    const checks: Check[] = [];
    if (policy.maxOwnFlips !== undefined) {
      const flips = one.readings['transfer.flips.top1.variant'];
      checks.push(checkUpper('maxOwnFlips', subject, flips, policy.maxOwnFlips, 'of inputs'));
    }
    if (policy.transfer) {
      const { verdict, reasons } = one.transfer;
      const isGood = policy.transfer.includes(verdict);
      checks.push({
        rule: 'transfer',
        subject,
        outcome: isGood ? 'passed' : 'failed',
        detail: `${verdict}: ${reasons[0] ?? ''}`,
      });
    }
    return checks;
  });
}

function checkIntegers(
  { minIntegerShare: least }: Policy,
  report: Report,
  wanted: ReadonlySet<string>,
): Check[] {
  if (least === undefined) return [];
  return report.compatibility.flatMap(({ cellId, macShare, reason }): Check[] => {
    const cell = report.cells.find(({ id }) => id === cellId);
    if (!cell || !wanted.has(cell.variant.name) || cell.isReference) return [];
    const subject = subjectOf(cell);
    if (macShare === undefined) {
      const detail = `not known: ${reason ?? 'no layer was recognised'}`;
      return [{ rule: 'minIntegerShare', subject, outcome: 'skipped', detail }];
    }
    const detail = `${(100 * macShare).toFixed(1)} % of MACs, at least ${100 * least} %`;
    return [{ rule: 'minIntegerShare', subject, outcome: macShare >= least ? 'passed' : 'failed', detail }];
  });
}

function checkRegressions(
  { maxLatencyRatio, needsProof, maxAccuracyLoss }: NonNullable<Policy['regression']>,
  rows: readonly RunComparison[],
  wanted: ReadonlySet<string>,
): Check[] {
  return rows
    .filter(({ variant }) => wanted.has(variant) || wanted.size === 0)
    .flatMap((row) => {
      const subject = `${row.variant} on ${row.deviceName}, ${row.backend}, ${row.scenario}`;
      return [
        checkRegression('regression.latency', subject, row.latencyRatio, {
          limit: maxLatencyRatio,
          needsProof,
        }),
        checkRegression('regression.accuracy', subject, row.accuracyLoss, {
          limit: maxAccuracyLoss,
          needsProof: false,
        }),
      ];
    });
}

/** A regression takes an effect above the limit and an interval that lies above it whole. */
function checkRegression(
  rule: string,
  subject: string,
  reading: Reading,
  { limit, needsProof }: { readonly limit: number; readonly needsProof: boolean },
): Check {
  if (reading.status === 'unavailable' || !reading.interval) {
    const detail = reading.status === 'unavailable' ? reading.reason : 'no interval: too few launches';
    return { rule, subject, outcome: needsProof ? 'failed' : 'skipped', detail };
  }
  const { low, high } = reading.interval;
  const detail = `${reading.value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}], limit ${limit}`;
  const isWorse = low > limit || (needsProof && high > limit);
  return { rule, subject, outcome: isWorse ? 'failed' : 'passed', detail };
}
