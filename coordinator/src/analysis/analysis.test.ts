import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readingValue } from '@qfleet/shared/reading.ts';
import { jobResultSchema } from '@qfleet/shared/result/job-result.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { comparePlaces } from './compare-places.ts';
import type { RunEvidence } from './evidence.ts';
import { listPlaces } from './list-places.ts';
import { noiseFloor } from './noise-floor.ts';
import { type SummarisedCell, summariseCells } from './summarise-cells.ts';
import {
  defaultPlaces,
  type SyntheticOptions,
  type SyntheticPlace,
  syntheticEvidence,
} from './synthetic-evidence.ts';

const workbench: SyntheticPlace = { deviceId: 'workbench', backendId: 'onnxruntime-cpu', latencyNs: 2e6 };

function summarise(options: SyntheticOptions = {}): SummarisedCell[] {
  return summariseCells(syntheticEvidence(options));
}

function find(cells: readonly SummarisedCell[], variant: string, place = 'workbench/onnxruntime-cpu') {
  const found = cells.find(({ cell }) => cell.placeId === place && cell.variant.name === variant);
  assert.ok(found, `${variant} in ${place}`);
  return found.cell;
}

function reasonOf(cell: ReturnType<typeof find>, quantity: string): string {
  const reading = cell.readings[quantity];
  assert.ok(reading?.status === 'unavailable', `${quantity} is unavailable`);
  return reading.reason;
}

function compare(evidence: RunEvidence) {
  const cells = summariseCells(evidence);
  return comparePlaces(evidence, cells, listPlaces(cells));
}

test('the synthetic results are what an agent may send', () => {
  for (const { result } of syntheticEvidence().results) {
    assert.deepEqual(jobResultSchema.parse(result), result);
    for (const digest of result.blobs) assert.ok(syntheticEvidence().blobs.has(digest));
  }
});

test('there is one cell per place and variant, whether or not it could be timed', () => {
  assert.equal(summarise().length, defaultPlaces.length * 3);
});

test('p50 is the median of the launch medians, recomputed from the samples blob', () => {
  const evidence = syntheticEvidence({ places: [workbench] });
  const cell = find(summariseCells(evidence), 'int8-per-channel');
  const result = evidence.results.find(({ result }) => result.outcome.kind === 'measure')?.result;
  assert.ok(result?.outcome.kind === 'measure');
  const { launches, samplesBlob } = result.outcome.facts;
  const blob = Buffer.from(evidence.blobs.get(samplesBlob ?? '') ?? []);
  const medians = launches
    .filter((launch) => launch.variantDigest === cell.variant.digest)
    .map((launch) => {
      const first = (launch.sampleOffset ?? 0) + (launch.warmupCount ?? 0);
      return median(
        Array.from({ length: launch.timedCount ?? 0 }, (_, i) => blob.readDoubleLE((first + i) * 8)),
      );
    });
  assert.equal(readingValue(cell.readings['latency.p50']), median(medians));
  assert.equal(medians.length, 6);
});

test('accuracy and agreement are recomputed from the top-k blobs', () => {
  const evidence = syntheticEvidence({ places: [workbench] });
  const cell = find(summariseCells(evidence), 'int8-per-tensor');
  const bestOf = (digest: string): number[] => {
    const result = evidence.results.find(
      ({ result: { outcome } }) => outcome.kind === 'evaluate' && outcome.facts.variantDigest === digest,
    )?.result;
    assert.ok(result?.outcome.kind === 'evaluate');
    const { topK, count } = result.outcome.facts;
    const blob = Buffer.from(evidence.blobs.get(topK?.blob ?? '') ?? []);
    return Array.from({ length: count }, (_, input) => blob.readUInt32LE(input * (topK?.k ?? 0) * 8));
  };
  const answers = bestOf(cell.variant.digest);
  const floats = bestOf(evidence.model.digest);
  const right = answers.filter((answer, input) => answer === evidence.labels?.[input]).length;
  const agreeing = answers.filter((answer, input) => answer === floats[input]).length;
  assert.equal(readingValue(cell.readings['accuracy.top1']), right / 600);
  assert.equal(readingValue(cell.readings['agreement.top1']), agreeing / 600);
  const floatsRight = floats.filter((answer, input) => answer === evidence.labels?.[input]).length;
  assert.ok(
    Math.abs((readingValue(cell.readings['accuracy.loss']) ?? 0) - ((floatsRight - right) / 600) * 100) <
      1e-9,
  );
});

test('a faster variant is faster, a slower one slower, equal ones the same', () => {
  const cells = summarise({ places: [{ ...workbench, latencyFactors: [1, 0.5, 1.1] }] });
  assert.equal(find(cells, 'int8-per-tensor').speed, 'faster');
  assert.equal(find(cells, 'int8-per-channel').speed, 'slower');
  const equal = summarise({ places: [{ ...workbench, latencyFactors: [1, 1, 1.004] }] });
  assert.equal(find(equal, 'int8-per-tensor').speed, 'same');
  assert.equal(find(equal, 'int8-per-channel').speed, 'same');
  assert.equal(find(equal, 'fp32').speed, undefined);
});

test('equal variants are called different in at most 18 of 200 runs whose launches drift', (t) => {
  let different = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const places = [{ ...workbench, latencyFactors: [1, 1, 1], inputs: 1 }];
    const cells = summarise({ seed, places, launchDrift: 0.03, samplesPerLaunch: 15 });
    const { speed } = find(cells, 'int8-per-tensor');
    if (speed === 'faster' || speed === 'slower') different++;
  }
  t.diagnostic(`called different in ${different} of 200`);
  assert.ok(different <= 18, `${different} of 200`);
});

test('under 500 pooled samples p99 is unavailable, with the count', () => {
  const cell = find(summarise({ places: [workbench], samplesPerLaunch: 20 }), 'fp32');
  assert.equal(reasonOf(cell, 'latency.p99'), 'n-too-small: 120 of 500');
  assert.ok(readingValue(cell.readings['latency.p90']));
});

test('nothing that was timed under emulation becomes a number, and accuracy stays', () => {
  const cells = summarise({ places: [{ ...workbench, emulated: true }] });
  const cell = find(cells, 'int8-per-channel');
  for (const id of ['latency.p50', 'latency.p99', 'throughput', 'cold.create', 'memory.peak', 'speedup']) {
    assert.match(reasonOf(cell, id), /^emulated: by qemu-user/);
  }
  assert.equal(cell.timing.verdict, 'emulated');
  assert.ok(readingValue(cell.readings['accuracy.top1']));
});

test('timings of an emulated device that timed anyway are not shown either', () => {
  const evidence = syntheticEvidence({ places: [workbench] });
  const devices = evidence.devices.map((device) => ({
    ...device,
    inventory: device.inventory && { ...device.inventory, emulated: { by: 'qemu-user', cpu: 'cortex-a53' } },
  }));
  const cell = find(summariseCells({ ...evidence, devices }), 'fp32');
  assert.match(reasonOf(cell, 'latency.p50'), /^emulated/);
  assert.match(reasonOf(cell, 'operators.integer.share'), /^emulated/);
  assert.equal(cell.operators.find(({ type }) => type === 'Conv')?.count, 2);
});

test('shuffled labels give chance accuracy', () => {
  const cell = find(summarise({ places: [workbench], labels: 'shuffled' }), 'fp32');
  const value = readingValue(cell.readings['accuracy.top1']);
  assert.ok(value !== undefined && Math.abs(value - 0.1) < 0.04, String(value));
});

test('without labels, or with labels of other classes, accuracy says why and agreement remains', () => {
  const none = find(summarise({ places: [workbench], labels: 'none' }), 'int8-per-channel');
  assert.match(reasonOf(none, 'accuracy.top1'), /^no-labels/);
  assert.match(reasonOf(none, 'accuracy.loss'), /^no-labels/);
  assert.ok(readingValue(none.readings['agreement.top1']));
  const other = find(summarise({ places: [workbench], datasetClasses: 7 }), 'int8-per-channel');
  assert.match(reasonOf(other, 'accuracy.top1'), /^labels-do-not-fit: .*7 classes/);
});

test('a measure job that failed leaves cells that say so', () => {
  const failure = { class: 'oom', message: 'killed at 900 MB' };
  const cell = find(summarise({ places: [{ ...workbench, measureFailure: failure }] }), 'fp32');
  assert.equal(reasonOf(cell, 'latency.p50'), 'job-failed: oom: killed at 900 MB');
  assert.equal(cell.timing.verdict, 'insufficient');
  assert.ok(readingValue(cell.readings['accuracy.top1']));
});

test('launches that crashed count neither as samples nor as launches', () => {
  const crashed = { class: 'crashed' as const, message: 'SIGSEGV' };
  const places: SyntheticPlace[] = [
    { ...workbench, changeLaunch: (launch) => (launch.order < 6 ? { ...launch, failure: crashed } : launch) },
  ];
  const cell = find(summarise({ places }), 'fp32');
  assert.equal(cell.launches.completed, 4);
  assert.equal(cell.timing.verdict, 'insufficient');
  assert.match(
    cell.timing.reasons[0]?.detail ?? '',
    /4 of 6 launches; 2 failed, first: launch-failed: crashed: SIGSEGV/,
  );
  assert.equal(find(summarise({ places }), 'int8-per-tensor').speed, 'insufficient');
});

test('a sample offset beyond the blob is bad evidence, not a crash', () => {
  const changeLaunch: NonNullable<SyntheticPlace['changeLaunch']> = (l) => ({ ...l, sampleOffset: 1e9 });
  const cell = find(summarise({ places: [{ ...workbench, changeLaunch }] }), 'fp32');
  assert.match(reasonOf(cell, 'latency.p50'), /^bad-evidence/);
});

test('throttle bits, a falling frequency, stolen time and busy neighbours each have their verdict', () => {
  const withEnvironment = (before: object, after: (order: number, wallTicks: number) => object) =>
    find(
      summarise({
        places: [
          {
            ...workbench,
            latencyNs: 2e7,
            changeLaunch: (launch) => ({
              ...launch,
              environmentBefore: { ...launch.environmentBefore!, ...before },
              environmentAfter: {
                ...launch.environmentAfter!,
                ...after(launch.order, (launch.timedWallNs ?? 0) / 1e7),
              },
            }),
          },
        ],
      }),
      'fp32',
    ).timing;
  assert.equal(withEnvironment({}, () => ({})).verdict, 'trusted');
  assert.equal(withEnvironment({}, () => ({ throttledBits: 0x4 })).verdict, 'throttled');
  const historic = withEnvironment({ throttledBits: 0x50000 }, () => ({ throttledBits: 0x50000 }));
  assert.equal(historic.verdict, 'trusted', 'throttling before the job is history');
  const slowing = withEnvironment({}, (order) => ({ frequencyHz: order < 9 ? 1.4e9 : 0.6e9 }));
  assert.equal(slowing.verdict, 'throttled');
  assert.equal(withEnvironment({}, (_, ticks) => ({ stealTicks: ticks * 0.05 })).verdict, 'contended');
  const busy = withEnvironment({}, (_, ticks) => ({ busyTicks: ticks * 2.4, throttledBits: 1 }));
  assert.deepEqual(
    busy.reasons.map((reason) => reason.code),
    ['contended', 'throttled'],
    'worst first, and all of them',
  );
});

test('launches that scatter or drift within themselves are noisy', () => {
  const scattered = find(summarise({ places: [workbench], launchDrift: 0.2 }), 'fp32');
  assert.equal(scattered.timing.verdict, 'noisy');
  const unsteady = find(
    summarise({ places: [{ ...workbench, changeLaunch: (launch) => ({ ...launch, steady: false }) }] }),
    'fp32',
  );
  assert.match(unsteady.timing.reasons[0]?.detail ?? '', /steady state in 6 of 6/);
});

test('the operator profile tells integer kernels from float ones', () => {
  const cells = summarise({ places: [workbench] });
  const integer = find(cells, 'int8-per-channel');
  const share = readingValue(integer.readings['operators.integer.share']);
  assert.ok(share !== undefined && Math.abs(share - 570 / 600) < 1e-12, String(share));
  const conv = integer.operators.find(({ type }) => type === 'QLinearConv');
  assert.deepEqual([conv?.kind, conv?.count], ['integer', 2]);
  assert.equal(readingValue(find(cells, 'fp32').readings['operators.integer.share']), 0);
});

test('evaluations of equal count but other input bytes are flagged and never compared', () => {
  const other = { ...workbench, deviceId: 'other', inputDigest: 'f'.repeat(64) };
  const third = { ...workbench, deviceId: 'third' };
  const evidence = syntheticEvidence({ places: [workbench, third, other] });
  const cells = summariseCells(evidence);
  const flagged = find(cells, 'fp32', 'other/onnxruntime-cpu');
  assert.equal(flagged.numerics.sameInputs, false);
  assert.equal(flagged.numerics.verdict, 'inputs-differ');
  assert.equal(find(cells, 'fp32').numerics.verdict, 'sound');
  const comparison = compare(evidence).find((entry) => entry.placeId === 'other/onnxruntime-cpu');
  assert.equal(comparison?.outputs, 'not-compared');
  assert.equal(comparison?.commonInputs, 0);
  const sqnr = comparison?.readings['transfer.sqnr.output'];
  assert.ok(sqnr?.status === 'unavailable' && sqnr.reason.startsWith('inputs-differ'));
});

test('the same outputs in two places are identical bit for bit', () => {
  const evidence = syntheticEvidence({ places: [workbench, { ...workbench, deviceId: 'twin' }] });
  for (const comparison of compare(evidence)) {
    assert.equal(comparison.outputs, 'identical');
    const sqnr = comparison.readings['transfer.sqnr.output'];
    assert.ok(sqnr?.status === 'unavailable' && sqnr.flags?.includes('identical'));
    assert.equal(readingValue(comparison.readings['transfer.flips.top1']), 0);
  }
});

test('integer kernels that round otherwise flip answers where fp32 does not', () => {
  const rough = { ...workbench, deviceId: 'rough', floatNoise: 1e-6, integerNoise: 0.8 };
  const comparisons = compare(syntheticEvidence({ places: [workbench, rough] }));
  const float = comparisons.find((entry) => entry.variant.name === 'fp32');
  const integer = comparisons.find((entry) => entry.variant.name === 'int8-per-channel');
  assert.equal(readingValue(float?.readings['transfer.flips.top1']), 0);
  assert.deepEqual(float?.readings['transfer.sqnr.output']?.flags, ['float noise']);
  const flips = readingValue(integer?.readings['transfer.flips.top1']) ?? 0;
  assert.ok(flips > 0.02, String(flips));
  assert.equal(readingValue(integer?.readings['transfer.flips.top1.variant']), flips);
  assert.match(integer?.readings['transfer.sqnr.output']?.flags?.[0] ?? '', /^investigate/);
});

test('answers that fp32 flips as well are not the quantized variant’s own', () => {
  const rough = { ...workbench, deviceId: 'rough', floatNoise: 0.8, integerNoise: 0 };
  const comparisons = compare(syntheticEvidence({ places: [workbench, rough] }));
  const integer = comparisons.find((entry) => entry.variant.name === 'int8-per-channel');
  const all = readingValue(integer?.readings['transfer.flips.top1']) ?? 0;
  const own = readingValue(integer?.readings['transfer.flips.top1.variant']) ?? 0;
  assert.ok(own < all, `${own} of ${all}`);
});

test('a place that evaluated fewer inputs is compared over the common first ones, and says so', () => {
  const few = { ...workbench, deviceId: 'few', inputs: 100 };
  const [comparison] = compare(syntheticEvidence({ places: [workbench, few] }));
  assert.equal(comparison?.commonInputs, 100);
  assert.match(comparison?.notes[0] ?? '', /^first 100 inputs only: 100 and 600 were evaluated$/);
  assert.equal(comparison?.outputs, 'not-compared', 'identical samples do not prove that all outputs are');
  assert.match(comparison?.notes[1] ?? '', /first 64 inputs are identical/);
});

test('an emulated place is never the reference while there is another', () => {
  const emulated = { ...workbench, deviceId: 'virtual', emulated: true };
  const cells = summarise({ places: [emulated, { ...workbench, inputs: 50 }] });
  assert.equal(listPlaces(cells).find((place) => place.isReference)?.deviceId, 'workbench');
});

test('the same evidence gives the same cells, whatever the order of its results', () => {
  const evidence = syntheticEvidence();
  const reversed = { ...evidence, results: evidence.results.toReversed() };
  const cellsOf = (from: RunEvidence) => summariseCells(from).map(({ cell }) => cell);
  assert.deepEqual(cellsOf(evidence), cellsOf(reversed));
});

test('the inputs that flip are named with both margins, the surest first, as the outputs have them', () => {
  const rough = { ...workbench, deviceId: 'rough', floatNoise: 1e-6, integerNoise: 0.8 };
  const evidence = syntheticEvidence({ places: [workbench, rough] });
  const integer = compare(evidence).find(({ variant }) => variant.name === 'int8-per-channel');
  const { worst, medianMargin } = integer!.flips!;
  const [place, other] = ['rough', 'workbench'].map((id) => {
    const found = summariseCells(evidence).find(
      ({ cell }) => cell.deviceId === id && cell.variant.name === 'int8-per-channel',
    );
    return found!.outputs!;
  });
  const sureness = worst.map(({ marginHere, marginThere }) => Math.min(marginHere, marginThere));
  assert.deepEqual(
    sureness,
    sureness.toSorted((a, b) => b - a),
  );
  assert.ok(medianMargin >= 0 && medianMargin <= sureness[0]!);
  let checked = 0;
  for (const { input, here, there, marginHere, marginThere, isOwn } of worst) {
    assert.ok(here !== there && isOwn);
    // By another way: from the raw outputs of those inputs of which they were kept.
    if (input >= place!.comparison!.count) continue;
    for (const [outputs, own, against, margin] of [
      [place!, here, there, marginHere],
      [other!, there, here, marginThere],
    ] as const) {
      const { values, width } = outputs.comparison!;
      const row = [...values.subarray(input * width, (input + 1) * width)];
      const kept = row.toSorted((x, y) => y - x)[4]!;
      // Of what is not among the best five it is known that it is no more than they are.
      assert.ok(Math.abs(row[own]! - Math.max(row[against]!, kept) - margin) < 1e-6);
    }
    checked++;
  }
  assert.ok(checked > 0, 'at least one of them has raw outputs');
});

test('the noise floor is the lowest SQNR of fp32, and none where all is one or alone', () => {
  const floor = (places: Parameters<typeof syntheticEvidence>[0]) => {
    const evidence = syntheticEvidence(places);
    const digest = evidence.variants.find(({ name }) => name === 'fp32')?.digest;
    return noiseFloor(compare(evidence), digest);
  };
  const near = { ...workbench, deviceId: 'near', floatNoise: 1e-6 };
  const far = { ...workbench, deviceId: 'far', floatNoise: 1e-3 };
  const one = readingValue(floor({ places: [workbench, near] }))!;
  const two = readingValue(floor({ places: [workbench, near, far] }))!;
  // A thousand times the noise is 60 dB.
  assert.ok(Math.abs(one - two - 60) < 3, `${one} and ${two} dB`);
  const reasonOf = (reading: ReturnType<typeof noiseFloor>) =>
    reading.status === 'unavailable' ? reading.reason : '';
  assert.match(reasonOf(floor({ places: [workbench, { ...workbench, deviceId: 'twin' }] })), /^identical/);
  assert.match(reasonOf(floor({ places: [workbench] })), /^no-reference/);
});
