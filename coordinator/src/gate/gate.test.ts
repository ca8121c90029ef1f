import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareRuns } from '../analysis/compare-runs.ts';
import { type SyntheticPlace, syntheticEvidence } from '../analysis/synthetic-evidence.ts';
import { buildReport } from '../report/build-report.ts';
import { formatJunit, formatSummary } from './format-gate.ts';
import { type Check, judgeGate } from './judge-gate.ts';
import { policySchema } from './policy.ts';

const place: SyntheticPlace = {
  deviceId: 'workbench',
  backendId: 'onnxruntime-cpu',
  latencyNs: 2e6,
  latencyFactors: [1, 0.5, 0.5],
};
const other: SyntheticPlace = { ...place, deviceId: 'board-a53', latencyNs: 40e6, integerNoise: 0.03 };
const evidence = syntheticEvidence({ places: [place, other] });
const report = buildReport(evidence);

const outcomes = (checks: readonly Check[], rule: string): Record<string, number> =>
  Object.fromEntries(
    [
      ...Map.groupBy(
        checks.filter((check) => check.rule === rule),
        ({ outcome }) => outcome,
      ),
    ].map(([word, group]) => [word, group.length]),
  );

test('each rule holds every quantized variant in every place against its limit', () => {
  const strict = judgeGate(policySchema.parse({ maxAccuracyLoss: 0 }), report, undefined);
  assert.deepEqual(outcomes(strict, 'maxAccuracyLoss'), { failed: 4 });
  const loose = judgeGate(
    policySchema.parse({ maxAccuracyLoss: 100, timing: ['trusted', 'noisy'] }),
    report,
    undefined,
  );
  assert.deepEqual(outcomes(loose, 'maxAccuracyLoss'), { passed: 4 });
  assert.deepEqual(outcomes(loose, 'timing'), { passed: 4 });
  // The other place alone is compared with the reference place.
  const flips = judgeGate(policySchema.parse({ maxOwnFlips: 1 }), report, undefined);
  assert.deepEqual(outcomes(flips, 'maxOwnFlips'), { passed: 2 });
});

test('what is not known fails where it has to be shown, and is skipped where it cannot be had', () => {
  const emulated = buildReport(syntheticEvidence({ places: [{ ...place, emulated: true }], labels: 'none' }));
  const checks = judgeGate(
    policySchema.parse({ maxAccuracyLoss: 1, timing: ['trusted'], minIntegerShare: 0.5 }),
    emulated,
    undefined,
  );
  assert.deepEqual(outcomes(checks, 'maxAccuracyLoss'), { failed: 2 });
  assert.deepEqual(outcomes(checks, 'timing'), { skipped: 2 });
  assert.deepEqual(outcomes(checks, 'minIntegerShare'), { skipped: 2 });
  const named = judgeGate(policySchema.parse({ variants: ['int4'] }), report, undefined);
  assert.deepEqual(
    named.map(({ rule, outcome }) => [rule, outcome]),
    [['variants', 'failed']],
  );
});

test('a run that got 20 % slower is a regression, one that got faster is none', () => {
  const policy = policySchema.parse({ regression: {} });
  const judge = (latencyNs: number) => {
    const subject = syntheticEvidence({ places: [{ ...place, latencyNs }], seed: 9 });
    const { rows } = compareRuns(subject, syntheticEvidence({ places: [place], seed: 8 }));
    return { rows, checks: judgeGate(policy, buildReport(subject), rows) };
  };
  const slower = judge(2.4e6);
  assert.deepEqual(outcomes(slower.checks, 'regression.latency'), { failed: 2 });
  assert.deepEqual(new Set(slower.rows.map(({ speed }) => speed)), new Set(['slower']));
  assert.deepEqual(outcomes(judge(1.6e6).checks, 'regression.latency'), { passed: 2 });
});

test('a gate that compared nothing with its base run does not pass, whatever else does', () => {
  const subject = syntheticEvidence({ places: [place] });
  const policy = policySchema.parse({ maxAccuracyLoss: 100, regression: {} });
  const elsewhere = syntheticEvidence({ places: [{ ...place, deviceId: 'elsewhere' }] });
  const { rows, leftOut } = compareRuns(subject, elsewhere);
  const checks = judgeGate(policy, buildReport(subject), rows, leftOut);
  assert.deepEqual(outcomes(checks, 'maxAccuracyLoss'), { passed: 2 });
  // Two of the run and two of the base, and the comparison itself.
  assert.deepEqual(outcomes(checks, 'regression'), { skipped: 4, failed: 1 });
  assert.match(checks.at(-1)?.detail ?? '', /nothing was comparable/);
  assert.ok(checks.some(({ detail }) => detail === 'only the run has it: no device workbench there'));
});

test('a rule between places says that there is only one', () => {
  const one = buildReport(syntheticEvidence({ places: [place] }));
  const policy = policySchema.parse({ maxOwnFlips: 0.1, transfer: ['transfers'], maxAccuracyLoss: 100 });
  const checks = judgeGate(policy, one, undefined);
  assert.deepEqual(outcomes(checks, 'maxOwnFlips'), { skipped: 1 });
  assert.deepEqual(outcomes(checks, 'transfer'), { skipped: 1 });
});

test('a check that fails tells the reason that made it fail', () => {
  const [comparison] = report.comparisons.filter(({ variant }) => variant.name === 'int8-per-channel');
  const transfer = {
    verdict: 'transfers with loss' as const,
    reasons: ['accuracy as it was', 'speed-up 0.90 here, 2.00 there'],
    decisive: ['speed-up 0.90 here, 2.00 there'],
  };
  const slow = { ...report, comparisons: [{ ...comparison!, transfer }] };
  const [check] = judgeGate(policySchema.parse({ transfer: ['transfers'] }), slow, undefined);
  assert.equal(check?.detail, 'transfers with loss: speed-up 0.90 here, 2.00 there');
  const reasons = [
    { code: 'contended' as const, detail: 'others took 9 %' },
    { code: 'noisy' as const, detail: 'medians vary' },
  ];
  const cells = report.cells.map((cell) => ({ ...cell, timing: { verdict: 'contended' as const, reasons } }));
  const timed = judgeGate(
    policySchema.parse({ timing: ['trusted', 'noisy'] }),
    { ...report, cells },
    undefined,
  );
  assert.deepEqual(new Set(timed.map(({ detail }) => detail)), new Set(['contended: others took 9 %']));
});

test('a gate over equal runs whose launches drift fails at most one time in twenty', () => {
  const policy = policySchema.parse({ regression: {} });
  const runs = 40;
  let failed = 0;
  for (let seed = 1; seed <= runs; seed++) {
    // Launches of a run are a random walk, so that two runs differ by more than the launches within one say: that is
    // why a gate has a limit, and not only an interval.
    const options = { places: [place], launchDrift: 0.01, samplesPerLaunch: 20 };
    const subject = syntheticEvidence({ ...options, seed: 1000 + seed });
    const { rows } = compareRuns(subject, syntheticEvidence({ ...options, seed: 2000 + seed }));
    const checks = judgeGate(policy, buildReport(subject), rows);
    assert.equal(checks.filter(({ rule }) => rule === 'regression.latency').length, 2);
    if (checks.some(({ rule, outcome }) => rule === 'regression.latency' && outcome === 'failed')) failed++;
  }
  assert.ok(failed <= runs / 20, `${failed} of ${runs}`);
});

test('JUnit and Markdown tell what failed, whatever the names', () => {
  const checks: Check[] = [
    { rule: 'timing', subject: 'a "b" <c> & d', outcome: 'failed', detail: 'noisy | 5 %' },
    { rule: 'timing', subject: 'e', outcome: 'passed', detail: 'trusted' },
    { rule: 'maxOwnFlips', subject: 'e', outcome: 'skipped', detail: 'no outputs' },
  ];
  const xml = formatJunit(checks, 'run <1>');
  assert.match(xml, /<testsuites name="run &lt;1&gt;" tests="3" failures="1" skipped="1">/);
  assert.match(
    xml,
    /<testcase classname="timing" name="a &quot;b&quot; &lt;c&gt; &amp; d"><failure message="noisy \| 5 %"\/>/,
  );
  const markdown = formatSummary(checks, 'nightly');
  assert.match(markdown, /## qfleet gate: nightly failed/);
  assert.match(markdown, /1 checks passed, 1 failed, 1 could not be made/);
  assert.match(markdown, /noisy \\\| 5 %/);
});
