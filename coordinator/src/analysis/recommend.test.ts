import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '@qfleet/shared/reading.ts';
import type { Cell } from './cell.ts';
import { recommend } from './recommend.ts';

interface Figures {
  readonly place: string;
  readonly variant: string;
  readonly ms: number;
  readonly loss?: number;
  readonly size: number;
  readonly verdict?: string;
}

function cell({ place, variant, ms, loss, size, verdict = 'trusted' }: Figures): Cell {
  const measured = (quantity: string, value: number) => ({
    quantity,
    status: 'measured',
    value,
    unit: '',
    method: '',
  });
  return {
    placeId: place,
    variant: { name: variant, digest: variant },
    isReference: variant === 'fp32',
    scenario: 'single-stream',
    settingsDigest: 's',
    timing: { verdict, reasons: [] },
    readings: {
      'latency.p50': measured('latency.p50', ms * 1e6),
      'latency.p90': measured('latency.p90', ms * 1.1e6),
      'model.size': measured('model.size', size),
      'accuracy.top1': measured('accuracy.top1', 0.9),
      ...(loss !== undefined && { 'accuracy.loss': measured('accuracy.loss', loss) }),
    },
  } as unknown as Cell;
}

const board = (place: string, factor: number): Cell[] => [
  cell({ place, variant: 'fp32', ms: 10, size: 400 }),
  cell({ place, variant: 'int8', ms: 10 * factor, loss: 0.3, size: 100 }),
  cell({ place, variant: 'int8-rough', ms: 9 * factor, loss: 4, size: 100 }),
  cell({ place, variant: 'fp16', ms: 10.5, loss: 0, size: 200 }),
];

test('the fastest that keeps the goals, and what the others miss', () => {
  const { places } = recommend(board('pi', 0.5), { maxAccuracyLoss: 1 });
  assert.equal(places[0]?.best?.variant, 'int8');
  assert.deepEqual(places[0]?.misses, ['int8-rough: accuracy loss, points: 4 over 1']);
  assert.deepEqual(places[0]?.front, ['fp32', 'int8', 'int8-rough', 'fp16']);
  const anyLoss = recommend(board('pi', 0.5), { maxAccuracyLoss: 100 });
  assert.equal(anyLoss.places[0]?.best?.variant, 'int8-rough');
});

test('without a goal for accuracy nothing is recommended that may lose more than a point', () => {
  const none = recommend(board('pi', 0.5), { maxP90Ms: 100 });
  assert.deepEqual(none.maxAccuracyLoss, { points: 1, isDefault: true });
  assert.equal(none.places[0]?.best?.variant, 'int8');
  assert.deepEqual(none.places[0]?.misses, ['int8-rough: accuracy loss, points: 4 over 1']);
  const olive = recommend(board('pi', 0.5), { percentMaxDegradation: 10 });
  assert.deepEqual([olive.maxAccuracyLoss, olive.places[0]?.best?.variant], [undefined, 'int8-rough']);
});

test('a limit of accuracy is kept by the upper end of the interval', () => {
  const [fp32, int8] = board('pi', 0.5) as [Cell, Cell];
  const between = (low: number, high: number): Cell => ({
    ...int8,
    readings: {
      ...int8.readings,
      'accuracy.loss': { ...int8.readings['accuracy.loss']!, interval: { low, high, method: '' } } as Reading,
    },
  });
  const wide = recommend([fp32, between(-0.9, 1.5)], {}).places[0];
  assert.equal(wide?.best?.variant, 'fp32');
  assert.deepEqual(wide?.misses, ['int8: accuracy loss, points, upper end of its interval: 1.5 over 1']);
  const narrow = recommend([fp32, between(0.1, 0.5)], {}).places[0];
  assert.deepEqual(
    [narrow?.best?.variant, narrow?.best?.lossPoints, narrow?.best?.lossUpTo],
    ['int8', 0.3, 0.5],
  );
});

test('without labels the answers that differ bound the loss, and where nothing does there is no recommendation', () => {
  const [fp32] = board('pi', 0.5) as [Cell];
  const unlabelled = cell({ place: 'pi', variant: 'int8', ms: 5, size: 100 });
  const agreeing = (low: number): Cell => ({
    ...unlabelled,
    readings: {
      ...unlabelled.readings,
      'agreement.top1': {
        quantity: 'agreement.top1',
        status: 'measured',
        value: 1,
        unit: '1',
        method: '',
        interval: { low, high: 1, method: '' },
      } as Reading,
    },
  });
  assert.equal(recommend([fp32, agreeing(0.995)], {}).places[0]?.best?.variant, 'int8');
  assert.equal(recommend([fp32, agreeing(0.98)], {}).places[0]?.best?.variant, 'fp32');
  assert.equal(recommend([unlabelled], {}).places[0]?.best, undefined);
});

test('Olive’s words: relative degradation and improvement', () => {
  const { places } = recommend(board('pi', 0.5), { percentMaxDegradation: 1, percentMinImprovement: 60 });
  // fp32 itself need not improve on itself.
  assert.equal(places[0]?.best?.variant, 'fp32');
  assert.match(places[0]!.misses.join(), /int8: latency kept, %: 50 over 40/);
});

test('one variant for all places is that with the least regret', () => {
  const goals = { maxAccuracyLoss: 1 };
  const { everywhere } = recommend([...board('a', 0.5), ...board('b', 1.2)], goals);
  // int8 is best on a and 20 % behind fp32 on b; fp32 is twice as slow on a.
  assert.equal(everywhere?.variant, 'int8');
  assert.ok(Math.abs(everywhere!.regret - 0.2) < 1e-9);
  assert.equal(recommend(board('a', 0.5), goals).everywhere, undefined);
});

test('disturbed timings recommend nothing, and a goal that cannot be checked is missed', () => {
  const throttled = board('pi', 0.5).map((one) => ({
    ...one,
    timing: { verdict: 'throttled', reasons: [] },
  })) as Cell[];
  assert.deepEqual(recommend(throttled, {}).places, []);
  const unknown = recommend([cell({ place: 'p', variant: 'int8', ms: 1, size: 1 })], { maxAccuracyLoss: 1 });
  assert.deepEqual(unknown.places[0]?.misses, ['int8: accuracy loss, points is not known']);
  assert.equal(unknown.places[0]?.best, undefined);
});
