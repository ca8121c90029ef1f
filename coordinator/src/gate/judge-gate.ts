import type { Reading } from '@qfleet/shared/reading.ts';
import type { Cell } from '../analysis/cell.ts';
import type { LeftOut, RunComparison } from '../analysis/compare-runs.ts';
import type { Report } from '../report/report.ts';
import { judgeIntegerShare } from './judge-integer-share.ts';
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
 * latencies of emulated devices, is skipped and said, but for what the policy asks to be shown. A rule that finds
 * nothing to compare says so, and a comparison with a base run in which nothing was comparable fails. Pure.
 */
export function judgeGate(
  policy: Policy,
  report: Report,
  regressions: readonly RunComparison[] | undefined,
  leftOut: readonly LeftOut[] = [],
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
    ...(policy.regression && regressions
      ? checkRegressions(policy.regression, { rows: regressions, leftOut }, wanted)
      : []),
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
  const isGood = allowed.includes(verdict);
  // Of a verdict that fails only what the policy does not allow: the rest is not why.
  const decisive = reasons.filter(({ code }) => isGood || !allowed.includes(code));
  const why = decisive.map(({ detail }) => detail).join('; ');
  const detail = why === '' ? verdict : `${verdict}: ${why}`;
  return [{ rule: 'timing', subject, outcome: isGood ? 'passed' : 'failed', detail }];
}

function checkComparisons(policy: Policy, report: Report, wanted: ReadonlySet<string>): Check[] {
  const groups = Map.groupBy(
    report.comparisons.filter(({ variant }) => wanted.has(variant.name)),
    ({ placeId, variant }) => `${placeId} ${variant.digest}`,
  );
  const rules = (['maxOwnFlips', 'transfer'] as const).filter((rule) => policy[rule] !== undefined);
  if (groups.size === 0) {
    const detail = 'nothing to compare: no variant ran on a second device or backend';
    return rules.map((rule) => ({
      rule,
      subject: report.run.name || report.run.id,
      outcome: 'skipped',
      detail,
    }));
  }
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
      const { verdict, decisive } = one.transfer;
      const isGood = policy.transfer.includes(verdict);
      checks.push({
        rule: 'transfer',
        subject,
        outcome: isGood ? 'passed' : 'failed',
        detail: `${verdict}: ${decisive.join('; ')}`,
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
  return report.compatibility.flatMap((entry): Check[] => {
    const cell = report.cells.find(({ id }) => id === entry.cellId);
    if (!cell || !wanted.has(cell.variant.name) || cell.isReference) return [];
    return [{ rule: 'minIntegerShare', subject: subjectOf(cell), ...judgeIntegerShare(entry, least) }];
  });
}

function checkRegressions(
  { maxLatencyRatio, needsProof, maxAccuracyLoss }: NonNullable<Policy['regression']>,
  { rows, leftOut }: { readonly rows: readonly RunComparison[]; readonly leftOut: readonly LeftOut[] },
  wanted: ReadonlySet<string>,
): Check[] {
  const isWanted = ({ variant }: { readonly variant: string }): boolean =>
    wanted.has(variant) || wanted.size === 0;
  const checks = rows.filter(isWanted).flatMap((row) => {
    const subject = subjectOfRow(row);
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
  const alone = leftOut.filter(isWanted).map((cell): Check => {
    const detail = `only the ${cell.isOf === 'run' ? 'run' : 'base run'} has it: ${cell.reason}`;
    return { rule: 'regression', subject: subjectOfRow(cell), outcome: 'skipped', detail };
  });
  const isAnyCompared = checks.some(({ outcome }) => outcome !== 'skipped');
  const nothing: Check = {
    rule: 'regression',
    subject: 'the base run',
    outcome: 'failed',
    detail: 'nothing was comparable: see what was skipped',
  };
  return [...checks, ...alone, ...(isAnyCompared ? [] : [nothing])];
}

function subjectOfRow(row: Pick<LeftOut, 'variant' | 'deviceName' | 'backend' | 'scenario'>): string {
  return `${row.variant} on ${row.deviceName}, ${row.backend}, ${row.scenario}`;
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
