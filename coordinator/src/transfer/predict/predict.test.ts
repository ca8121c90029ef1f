import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '@qfleet/shared/random.ts';
import type { Grid } from '../grid.ts';
import { blend } from './blend.ts';
import { chooseAnchors } from './choose-anchors.ts';
import { evaluateMethods, familyOf, meanCoverage } from './evaluate-methods.ts';
import { lowRank } from './low-rank.ts';
import { meanOfSources } from './mean-of-sources.ts';
import { errorsWithoutAnchors } from './without-anchors.ts';

const networks = 20;

/** Systems whose log latency is the network's, their own, their own for int8, and a factor of their board's. */
function syntheticGrid(options: { readonly noise: number; readonly factor: number }): Grid {
  const random = createRandom(3);
  const gauss = (): number => Array.from({ length: 12 }, () => random.next()).reduce((a, b) => a + b, -6);
  const items = Array.from({ length: 2 * networks }, (_, i) => ({
    network: `net${'abcdefghijklmnopqrstuvwxyz'[i >> 1]}`,
    precision: i % 2 === 0 ? 'fp32' : 'int8',
  }));
  const size = items.map((_, i) => 10 + ((i >> 1) % 7));
  const shape = items.map(() => gauss());
  const systems = Array.from({ length: 6 }, (_, i) => ({ id: `s${i}`, board: `b${i >> 1}` }));
  const logs = systems.map((_, i) => {
    const [own, int8, weight] = [gauss(), -0.5 + 0.5 * gauss(), options.factor * (i >> 1)];
    return Float64Array.from(
      items,
      ({ precision }, item) =>
        size[item]! +
        own +
        (precision === 'int8' ? int8 : 0) +
        weight * shape[item]! +
        options.noise * gauss(),
    );
  });
  return { systems, items, logs };
}

test('without noise each method is exact on the structure that it assumes', () => {
  const plain = syntheticGrid({ noise: 0, factor: 0 });
  const [truth, ...sources] = plain.logs;
  const floats = [0, 4, 9].map((network) => 2 * network);
  const told = meanOfSources.learn(
    plain.items,
    sources,
  )({ items: floats, logs: floats.map((i) => truth![i]!) });
  plain.items.forEach(({ precision }, i) => {
    if (precision === 'fp32') assert.ok(Math.abs(told[i]! - truth![i]!) < 1e-9);
  });
  const mixed = [0, 5, 8];
  const blended = blend.learn(plain.items, sources)({ items: mixed, logs: mixed.map((i) => truth![i]!) });
  assert.ok(blended.every((log, i) => Math.abs(log - truth![i]!) < 1e-9));
});

test('the factor in which sources differ is found and fitted', () => {
  const grid = syntheticGrid({ noise: 0, factor: 0.4 });
  const floats = grid.items.flatMap(({ precision }, i) => (precision === 'fp32' ? [i] : []));
  const pick = (row: Float64Array): Float64Array => Float64Array.from(floats, (i) => row[i]!);
  const [truth, , ...sources] = grid.logs.map(pick);
  const items = floats.map((i) => grid.items[i]!);
  const anchors = [0, 3, 7, 11, 15];
  const errorOf = (method: typeof lowRank): number => {
    const told = method.learn(items, sources)({ items: anchors, logs: anchors.map((i) => truth![i]!) });
    return Math.max(...told.map((log, i) => Math.abs(log - truth![i]!)));
  };
  assert.ok(errorOf(lowRank) < errorOf(meanOfSources) / 3);
});

test('anchors are chosen without the target, in both formats, and the same every time', () => {
  const grid = syntheticGrid({ noise: 0.05, factor: 0.2 });
  const options = { count: 3, seed: 5 };
  const chosen = chooseAnchors(grid, blend, options);
  assert.deepEqual(chooseAnchors(grid, blend, options), chosen);
  assert.equal(new Set(chosen.anchors).size, 3);
  assert.equal(new Set(chosen.anchors.map((i) => grid.items[i]!.precision)).size, 2);
  assert.ok(chosen.expectedError < chosen.spread90);
});

test('held out with their boards, systems are told best by the method that knows of formats', () => {
  const errors = evaluateMethods(syntheticGrid({ noise: 0.03, factor: 0 }), { anchorCounts: [3], seed: 1 });
  const of = (method: string) => errors.find((one) => one.method === method)!;
  assert.ok(of('blend').median < 0.06);
  assert.ok(of('blend').median < of('one-source').median / 2);
  assert.ok(meanCoverage(of('blend')) > 0.75);
  // Networks of anchors are not scored, in either format.
  assert.ok(
    of('blend').systems.every(
      ({ scored }) => scored === 2 * networks - 2 * 3 || scored === 2 * networks - 2 * 2,
    ),
  );
});

test('too few boards or networks leave nothing to tell', () => {
  const { items, logs, systems } = syntheticGrid({ noise: 0.1, factor: 0 });
  const oneBoard = { items, systems: systems.slice(0, 2), logs: logs.slice(0, 2) };
  assert.ok(
    evaluateMethods(oneBoard, { anchorCounts: [3], seed: 1 }).every((one) => one.systems.length === 0),
  );
});

test('families leave sizes and resolutions out', () => {
  const names = ['mobilenet-v2-0.5-96', 'resnet18', 'efficientnet-lite3', 'regnet_y_800mf', 'yolov8_det'];
  assert.deepEqual(names.map(familyOf), ['mobilenet-v2', 'resnet', 'efficientnet', 'regnet', 'yolov']);
});

test('without anchors, latencies in the inverse proportion of bandwidths are told exactly', () => {
  const bandwidths = [1e9, 2e9, 8e9, 8e9];
  const items = Array.from({ length: 8 }, (_, i) => ({ network: `n${i}`, precision: 'fp32' }));
  const grid: Grid = {
    items,
    // The last two are runtimes of one board; a fifth system's bandwidth is not known.
    systems: [
      ...bandwidths.map((bandwidth, i) => ({ id: `s${i}`, board: `b${Math.min(i, 2)}`, bandwidth })),
      { id: 's4', board: 'b4' },
    ],
    logs: [...bandwidths, 3e9].map((bandwidth) =>
      Float64Array.from(items, (_, i) => Math.log((i + 1) * 1e9) - Math.log(bandwidth / 1e9)),
    ),
  };
  const [asItIs, ratio, ofAll] = errorsWithoutAnchors(grid);
  assert.deepEqual(
    [asItIs, ratio, ofAll].map((one) => [one?.method, one?.anchors]),
    [
      ['another-system', 0],
      ['bandwidth-ratio', 0],
      ['bandwidth-mean', 0],
    ],
  );
  // s0: others are 2, 8 and 8 times as fast; s1: 1/2, 4, 4; s2 and s3 have no source on their own board: 1/8, 1/4.
  const expected = [7 / 8, 0.75, (7 + 3) / 2, (7 + 3) / 2];
  asItIs!.systems.forEach(({ medianError, system }, i) => {
    assert.equal(system, `s${i}`);
    assert.ok(Math.abs(medianError - expected[i]!) < 1e-9, `${system}: ${medianError}`);
  });
  assert.ok([ratio!, ofAll!].every(({ worst }) => worst < 1e-9));
  assert.deepEqual(
    errorsWithoutAnchors({
      ...grid,
      systems: grid.systems.map((one) => ({ ...one, bandwidth: undefined })),
    }),
    [],
  );
});
