import assert from 'node:assert/strict';
import { test } from 'node:test';
import { available } from '@qfleet/shared/available-reading.ts';
import { layerRoofline } from './layer-roofline.ts';

const event = (name: string, type: string, input: string, dur: number) => ({
  cat: 'Node',
  name: `${name}_kernel_time`,
  dur,
  args: {
    op_name: type,
    node_index: '1',
    activation_size: '1000',
    output_size: '3000',
    input_type_shape: [{ [input]: [1] }],
  },
});

const roof = (quantity: string, value: number, unit: string) =>
  available({ quantity, value, unit, method: 'test' });

const evidence = {
  layers: [
    { name: 'conv0', aliases: ['conv0_out', 'stem'], operator: 'Conv', macs: 5e6, weights: 6000 },
    { name: 'head', aliases: [], operator: 'Gemm', macs: 1e6, weights: 6000 },
    { name: 'gone', aliases: [], operator: 'Conv', macs: 1, weights: 1 },
  ],
  batch: 1,
  threadsUsed: 2,
  probe: [
    roof('compute.fp32.all', 1e11, 'op/s'),
    roof('compute.int8.all', 4e11, 'op/s'),
    roof('mem.bandwidth.triad.all', 1e9, 'B/s'),
  ],
  whyNoTime: undefined,
};

const profile = (events: unknown[]): Uint8Array => new TextEncoder().encode(JSON.stringify(events));

test('layers are found by their names under fusions, and held against the roof of their kernel', () => {
  const events = [200, 100, 900].flatMap((dur) => [
    event('stem_nchwc', 'Conv', 'float', dur),
    event('head_token_12', 'QGemm', 'uint8', 50),
    event('head_quant', 'QuantizeLinear', 'float', 7),
    event('relu', 'Relu', 'float', 1),
  ]);
  const { layers, unmatched } = layerRoofline({ ...evidence, profile: profile(events) });
  assert.equal(unmatched, 1);
  const figures = layers.map(({ name, kind, bytes, time, computeShare, memoryShare }) => ({
    name,
    kind,
    bytes,
    values: [time, computeShare, memoryShare].map((one) =>
      one.status === 'unavailable' ? one.reason : Number(one.value.toPrecision(9)),
    ),
  }));
  assert.deepEqual(figures, [
    // 10 M operations in 200 µs are 50 G a second of 100 G; 28 kB in 200 µs 140 MB a second of 1 GB.
    { name: 'conv0', kind: 'float', bytes: 28_000, values: [2e5, 0.5, 0.14] },
    // 2 M operations in 50 µs are 40 G of 400 G; 10 kB in 50 µs 200 MB of 1 GB.
    { name: 'head', kind: 'integer', bytes: 10_000, values: [5e4, 0.1, 0.2] },
  ]);
});

test('without a probe, or emulated, there are reasons and no shares', () => {
  const bytes = profile([event('stem', 'Conv', 'float', 5)]);
  const [unprobed] = layerRoofline({ ...evidence, probe: [], profile: bytes }).layers;
  assert.match(
    String(unprobed?.computeShare.status === 'unavailable' && unprobed.computeShare.reason),
    /^not-probed/,
  );
  const [emulated] = layerRoofline({ ...evidence, whyNoTime: 'emulated', profile: bytes }).layers;
  assert.equal(emulated?.time.status === 'unavailable' && emulated.time.reason, 'emulated');
});
