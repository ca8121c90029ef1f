import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readingValue } from '@qfleet/shared/reading.ts';
import { readOperatorProfile } from './operator-profile.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const events = [
  { cat: 'Session', name: 'model_run', dur: 100 },
  { cat: 'Node', name: 'conv_fence_before', dur: 50, args: { op_name: 'Conv' } },
  { cat: 'Node', name: 'conv_kernel_time', dur: 60, args: { op_name: 'Conv', node_index: '1' } },
  { cat: 'Node', name: 'q_kernel_time', dur: 30, args: { op_name: 'QLinearConv', node_index: '2' } },
  { cat: 'Node', name: 'dq_kernel_time', dur: 10, args: { op_name: 'DequantizeLinear', node_index: '3' } },
];

test('only kernel events count, fences and sessions do not', () => {
  const { operators, readings } = readOperatorProfile(encode(JSON.stringify(events)), undefined);
  assert.deepEqual(
    operators.map(({ type, kind, count }) => [type, kind, count]),
    [
      ['Conv', 'float', 1],
      ['QLinearConv', 'integer', 1],
      ['DequantizeLinear', 'convert', 1],
    ],
  );
  assert.equal(readingValue(readings[0]), 0.3);
  assert.equal(readingValue(readings[1]), 0.1);
});

test('several inferences do not multiply the nodes', () => {
  const { operators } = readOperatorProfile(encode(JSON.stringify([...events, ...events])), undefined);
  assert.deepEqual(
    operators.map(({ count }) => count),
    [1, 1, 1],
  );
});

test('a profile without its last bracket is still read', () => {
  const text = JSON.stringify(events).slice(0, -1);
  assert.equal(readOperatorProfile(encode(`${text},\n{"cat":"No`), undefined).operators.length, 3);
});

test('a file that is no profile says so', () => {
  const { operators, readings } = readOperatorProfile(encode('not a profile'), undefined);
  assert.equal(operators.length, 0);
  assert.ok(readings[0]?.status === 'unavailable' && readings[0].reason.startsWith('bad-profile'));
});
