import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Grid } from '../grid.ts';
import { errorsOnNewNetworks } from './held-out-networks.ts';
import { findPublishedWork } from './published-work.ts';
import {
  fittedRoofline,
  logRegression,
  type MeasuredWork,
  macRate,
  nearestNetworks,
} from './work-methods.ts';

const networks = [
  'alexnet',
  'googlenet',
  'mnasnet',
  'mobilenet',
  'resnet18',
  'resnet50',
  'shufflenet_v2',
  'squeezenet',
  'vgg16',
];

/** Log latencies by a rule of the logs of both works. */
function measure(latency: (macs: number, parameters: number) => number): MeasuredWork[] {
  return networks.map((network) => {
    const work = findPublishedWork(network)!;
    const [macs, parameters] = [Math.log(work.macs), Math.log(work.parameters)];
    return { macs, parameters, latency: latency(macs, parameters) };
  });
}

const unseen = { macs: Math.log(9e8), parameters: Math.log(9e6) };

test('each method is exact where its rule holds', () => {
  const near = (told: number, expected: number): void =>
    assert.ok(Math.abs(told - expected) < 1e-9, `${told}`);
  near(macRate.learn(measure((macs) => macs - 2))(unseen), unseen.macs - 2);
  near(nearestNetworks.learn(measure((macs) => macs - 2))(unseen), unseen.macs - 2);
  const roofs = (macs: number, parameters: number): number => Math.max(macs - 2, parameters + 3);
  near(fittedRoofline.learn(measure(roofs))(unseen), roofs(unseen.macs, unseen.parameters));
  const power = (macs: number, parameters: number): number => 1 + 0.7 * macs + 0.2 * parameters;
  near(logRegression.learn(measure(power))(unseen), power(unseen.macs, unseen.parameters));
});

test('works that go hand in hand, or are all equal, leave a regression that is defined', () => {
  const line = [1, 2, 3, 4].map((log) => ({ macs: log, parameters: log, latency: 2 * log }));
  assert.ok(Math.abs(logRegression.learn(line)({ macs: 5, parameters: 5 }) - 10) < 1e-9);
  const same = [1, 2, 3].map((latency) => ({ macs: 7, parameters: 7, latency }));
  assert.equal(logRegression.learn(same)({ macs: 9, parameters: 9 }), 2);
});

test('a network is held out with its twin, and what is not published is not scored', () => {
  const items = [...networks, 'of-no-table'].flatMap((network) => [
    { network, precision: 'fp32' },
    { network, precision: 'int8' },
  ]);
  const logs = Float64Array.from(items, ({ network, precision }) =>
    Math.log((findPublishedWork(network)?.macs ?? 1) / (precision === 'int8' ? 4 : 1)),
  );
  const grid: Grid = { systems: [{ id: 's', board: 'b' }], items, logs: [logs] };
  const [rate] = errorsOnNewNetworks(grid);
  assert.equal(rate?.method, 'mac-rate');
  assert.equal(rate?.systems[0]?.scored, 2 * networks.length);
  assert.ok(rate!.median < 1e-9);
  assert.deepEqual(errorsOnNewNetworks({ ...grid, items: items.slice(0, 6), logs: [logs.slice(0, 6)] }), []);
});

/** One system whose networks take so many times what one rate of multiply-accumulates would. */
function gridOf(factors: Readonly<Record<string, number>>): Grid {
  const items = Object.keys(factors).map((network) => ({ network, precision: 'fp32' }));
  const logs = Float64Array.from(items, ({ network }) =>
    Math.log(findPublishedWork(network)!.macs * factors[network]!),
  );
  return { systems: [{ id: 's', board: 'b' }], items, logs: [logs] };
}

test('a network is not learned from when it is told', () => {
  // Five slow ones and four fast ones: without itself a slow one has as many of either, and is told between them.
  const grid = gridOf(Object.fromEntries(networks.map((network, i) => [network, i < 5 ? 10 : 1])));
  const [rate] = errorsOnNewNetworks(grid);
  assert.ok(Math.abs(rate!.median - (1 - Math.sqrt(1 / 10))) < 1e-9, `${rate!.median}`);
});

test('a family is told from other families, where enough of them are left', () => {
  const siblings = [128, 160, 192, 224].flatMap((size) =>
    ['0.5', '1.0'].map((width) => `mobilenet-v1-${width}-${size}`),
  );
  const others = ['alexnet', 'googlenet', 'vgg16'];
  const grid = gridOf(
    Object.fromEntries([...siblings.map((one) => [one, 1]), ...others.map((one) => [one, 10])]),
  );
  const [rate] = errorsOnNewNetworks(grid);
  // The three others, from eight siblings and two of themselves; the siblings have but three others and are left out.
  assert.ok(Math.abs(rate!.medianOtherFamilies - 0.9) < 1e-9, `${rate!.medianOtherFamilies}`);
});
