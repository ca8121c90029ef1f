import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import type { Cell } from './cell.ts';
import { explainInt8 } from './explain-int8.ts';

const measured = (quantity: string, value: number): Reading => ({
  quantity,
  status: 'derived',
  value,
  unit: '1',
  method: 'test',
});

function cell(change: {
  readonly shares?: Readonly<Record<string, number>>;
  readonly speed?: Cell['speed'];
  readonly backend?: string;
  readonly isReference?: boolean;
}): Cell {
  const { shares = {}, speed = 'slower', backend = 'onnxruntime-cpu', isReference = false } = change;
  return {
    isReference,
    speed,
    backend: { id: backend, version: '1' },
    readings: Object.fromEntries(Object.entries(shares).map(([id, value]) => [id, measured(id, value)])),
    operators: [
      { type: 'QuantizeLinear', kind: 'convert', count: 7 },
      { type: 'Conv', kind: 'float', count: 2 },
    ],
    layers: [{ name: 'conv1', operator: 'Conv', kind: 'float' }],
  } as unknown as Cell;
}

const machine = (architecture: string, features: string[]): Inventory =>
  ({ architecture, cpu: { core: 'Cortex-A53', model: 'x', features } }) as unknown as Inventory;
const modern = machine('arm64', ['asimd', 'asimddp']);
const explain = (one: Cell, inventory: Inventory | undefined, reference?: Cell) =>
  explainInt8(one, { format: 'uint8/int8', inventory, reference });

test('what takes the time is told with its share, the largest first, and trifles are left out', () => {
  const shares = {
    'operators.convert.share': 0.3,
    'operators.integer.share': 0.2,
    'operators.transpose.share': 0.05,
  };
  assert.deepEqual(explain(cell({ shares }), modern), [
    '50 % of the time is spent in operators that stayed float: conv1 (Conv)',
    '30 % of the time goes into quantizing and dequantizing (7 operators)',
  ]);
});

test('cores without dot products and WebAssembly are named, cores that have them are not', () => {
  const shares = { 'operators.convert.share': 0, 'operators.integer.share': 1 };
  assert.match(
    explain(cell({ shares }), machine('arm64', ['asimd']))[0]!,
    /Cortex-A53 has no dot products.*SDOT/,
  );
  assert.match(explain(cell({ shares }), machine('x64', ['avx2']))[0]!, /VNNI/);
  assert.deepEqual(explain(cell({ shares }), modern), []);
  assert.match(explain(cell({ shares, backend: 'onnxruntime-wasm' }), modern)[0]!, /WebAssembly/);
});

test('a float network that memory holds back leaves only the bytes to gain', () => {
  const reference = cell({ shares: { 'roof.memory.share': 0.8 }, isReference: true });
  assert.match(
    explain(cell({}), modern, reference)[0]!,
    /float32 already takes 80 % of what memory can give/,
  );
  const unbound = cell({ shares: { 'roof.memory.share': 0.3 }, isReference: true });
  assert.deepEqual(explain(cell({}), modern, unbound), []);
});

test('nothing is explained of what is faster, was not timed, or holds no bytes', () => {
  const shares = { 'operators.convert.share': 0.5 };
  assert.deepEqual(explain(cell({ shares, speed: 'faster' }), modern), []);
  assert.deepEqual(explain(cell({ shares, isReference: true }), modern), []);
  const options = { format: 'float16', inventory: modern, reference: undefined };
  assert.deepEqual(explainInt8(cell({ shares }), options), []);
});
