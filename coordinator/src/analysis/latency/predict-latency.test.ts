import assert from 'node:assert/strict';
import { test } from 'node:test';
import { available } from '@qfleet/shared/available-reading.ts';
import { readingValue, unavailable } from '@qfleet/shared/reading.ts';
import type { LayerUse } from '../cell.ts';
import { summariseCells } from '../summarise-cells.ts';
import { defaultPlaces, syntheticEvidence } from '../synthetic-evidence.ts';
import { latencyMethods } from './latency-methods.ts';
import { predictLatencies } from './predict-latencies.ts';
import { predictLatency } from './predict-latency.ts';
import type { TimedPlace } from './timed-place.ts';

const roof = (quantity: string, value: number, unit: string) =>
  available({ quantity, value, unit, method: 'test' });

/** A device with these peaks, giga per second. */
function place(peaks: { fp32: number; int8: number; triad: number }, rest: Partial<TimedPlace>): TimedPlace {
  return {
    latencyNs: undefined,
    floatLatencyNs: undefined,
    threadsUsed: 1,
    probe: [
      roof('compute.fp32.1', 1e9 * peaks.fp32, 'op/s'),
      roof('compute.int8.1', 1e9 * peaks.int8, 'op/s'),
      roof('mem.bandwidth.triad.1', 1e9 * peaks.triad, 'B/s'),
    ],
    work: { macs: 5e6, bytes: 1e5, isInteger: true },
    layers: [],
    ...rest,
  };
}

const layer = (macs: number, bytes: number, timeNs: number): LayerUse => ({
  name: 'l',
  operator: 'Conv',
  type: 'QLinearConv',
  kind: 'integer',
  macs,
  bytes,
  time: available({ quantity: 'layer.time', value: timeNs, unit: 'ns', method: 'test' }),
  computeShare: unavailable('roof.compute.share', '1', 'test'),
  memoryShare: unavailable('roof.memory.share', '1', 'test'),
});

const slow = { fp32: 10, int8: 20, triad: 2 };
const fast = { fp32: 50, int8: 200, triad: 6 };
const methodOf = (id: string) => latencyMethods.find((method) => method.id === id)!;
const predict = (id: string, target: TimedPlace, ...sources: TimedPlace[]) =>
  predictLatency(methodOf(id), target, sources);

test('each method scales a source by what it says it does', () => {
  const source = place(fast, {
    latencyNs: 1000,
    floatLatencyNs: 4000,
    // One layer at its compute roof, one that is bound by memory, and 300 ns that no layer takes.
    layers: [layer(2e4, 1, 400), layer(1, 600, 300)],
  });
  const target = place(slow, { floatLatencyNs: 24_000 });
  const told = (id: string) => Math.round(readingValue(predict(id, target, source))!);
  assert.equal(told('gemm-ratio'), 10_000);
  assert.equal(told('bandwidth-ratio'), 3000);
  // 10 M operations: 500 µs against 50 µs, both above what the bytes take.
  assert.equal(told('roofline'), 10_000);
  // 400 ns ten times as long, 300 and the remaining 300 three times.
  assert.equal(told('per-layer'), 4000 + 900 + 900);
  assert.equal(told('fp32-anchor'), 6000);
});

test('the target’s own latency has no part in it, nor has its fp32 where no anchor is taken', () => {
  const source = place(fast, { latencyNs: 1000, floatLatencyNs: 4000 });
  for (const { id } of latencyMethods) {
    const [one, other] = [1, 77].map((latencyNs) =>
      predict(id, place(slow, { latencyNs, floatLatencyNs: 9 }), source),
    );
    assert.deepEqual(one, other, id);
  }
});

test('three sources give an interval, two none, and what is missing is told', () => {
  const target = place(slow, {});
  const source = (latencyNs: number) => place(slow, { latencyNs });
  const two = predict('gemm-ratio', target, source(100), source(400));
  assert.equal(Math.round(readingValue(two)!), 200);
  assert.ok(two.status !== 'unavailable' && two.interval === undefined && two.flags?.length === 1);
  const three = predict('gemm-ratio', target, source(100), source(200), source(400));
  // Logs ln 2 apart: s = ln 2, t(0.95; 2) = 2.91999, half = 2.91999 · 0.693147 · √(4/3) = 2.33710.
  assert.ok(three.status !== 'unavailable' && three.interval);
  assert.ok(Math.abs(Math.log(three.interval.high / 200) - 2.3371) < 1e-4);
  assert.ok(Math.abs(Math.log(200 / three.interval.low) - 2.3371) < 1e-4);
  const none = predict('roofline', place(slow, { probe: [] }), source(100));
  assert.match(none.status === 'unavailable' ? none.reason : '', /not-probed/);
  const alone = predict('roofline', target);
  assert.match(alone.status === 'unavailable' ? alone.reason : '', /^no-source/);
});

test('of a run: cells of other machines alone, errors against what was measured', () => {
  const evidence = syntheticEvidence();
  const summaries = summariseCells(evidence);
  const predictions = predictLatencies(evidence, summaries);
  const cellOf = (id: string) => summaries.find(({ cell }) => cell.id === id)!.cell;
  assert.ok(predictions.length > 0);
  assert.ok(predictions.every(({ cellId }) => cellOf(cellId).backend.id === 'onnxruntime-cpu'));
  assert.ok(predictions.every(({ cellId }) => !cellOf(cellId).deviceId.startsWith('virtual')));
  const found = predictions.find(
    ({ cellId, method }) =>
      method === 'fp32-anchor' &&
      cellOf(cellId).deviceId === 'board-a53' &&
      cellOf(cellId).variant.name === 'int8-per-channel',
  )!;
  // The workbench's variant takes 0.48 of its fp32, the board's 1.005.
  assert.ok(Math.abs(found.error! - (0.48 / 1.005 - 1)) < 0.03, String(found.error));
  // Equal probes: the baselines say that the board is as fast as the workbench.
  const naive = predictions.find(
    ({ cellId, method }) =>
      method === 'bandwidth-ratio' && cellOf(cellId).deviceId === 'board-a53' && cellOf(cellId).isReference,
  )!;
  assert.ok(Math.abs(naive.error! - (1.9 / 41 - 1)) < 0.01, String(naive.error));
});

test('agents of one machine do not tell each other', () => {
  const [workbench] = defaultPlaces;
  const evidence = syntheticEvidence({ places: [workbench!, { ...workbench!, deviceId: 'beside' }] });
  const devices = evidence.devices.map((device) => ({ ...device, bootId: 'the same' }));
  const together = { ...evidence, devices };
  assert.deepEqual(predictLatencies(together, summariseCells(together)), []);
});
