import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindKernels, compileKernels, createKernelMemory } from './load-kernels.ts';

const bytes = 1024;
const elements = bytes / 8;

async function setUp() {
  const memory = createKernelMemory(4 * bytes);
  const kernels = bindKernels(await compileKernels(), memory);
  const array = (index: number): Float64Array => new Float64Array(memory.buffer, index * bytes, elements);
  const [a, b, c, guard] = [array(0), array(1), array(2), array(3)];
  a.forEach((_, i) => {
    a[i] = i + 0.5;
    b[i] = 1 - i / 3;
    c[i] = i * i;
    guard[i] = -7;
  });
  return { memory, kernels, a, b, c, guard };
}

test('every kernel computes its formula over exactly the bytes that it is given', async () => {
  const { kernels, a, b, c, guard } = await setUp();
  const before = { a: [...a], b: [...b], c: [...c] };
  kernels.copy(2 * bytes, 0, bytes);
  assert.deepEqual([...c], before.a);
  kernels.scale(bytes, 2 * bytes, bytes, 3);
  assert.deepEqual(
    [...b],
    before.a.map((x) => 3 * x),
  );
  kernels.add(2 * bytes, 0, bytes, bytes);
  assert.deepEqual(
    [...c],
    before.a.map((x) => x + 3 * x),
  );
  kernels.triad(0, bytes, 2 * bytes, bytes, 3);
  assert.deepEqual(
    [...a],
    before.a.map((x) => 3 * x + 3 * (x + 3 * x)),
  );
  assert.ok(guard.every((value) => value === -7));
});

test('read sums all elements, fill writes them, deviation sums their distances', async () => {
  const { kernels, a, b, guard } = await setUp();
  const sum = a.reduce((total, value) => total + value, 0);
  assert.ok(Math.abs(kernels.read(0, bytes) - sum) < 1e-9 * sum);
  kernels.fill(bytes, bytes, 2.5);
  assert.ok(b.every((value) => value === 2.5));
  assert.equal(kernels.deviation(bytes, bytes, 2), 0.5 * elements);
  assert.equal(kernels.deviation(bytes, bytes, 3), 0.5 * elements);
  assert.ok(guard.every((value) => value === -7));
});

test('one element that differs is seen by the check', async () => {
  const { kernels, b } = await setUp();
  kernels.fill(bytes, bytes, 4);
  b[elements - 1] = 4.25;
  assert.equal(kernels.deviation(bytes, bytes, 4), 0.25);
});

test('chase follows as many pointers as it is told', async () => {
  const { memory, kernels } = await setUp();
  const words = new Uint32Array(memory.buffer);
  for (let node = 0; node < 20; node++) words[node * 16] = ((node + 1) % 20) * 64;
  assert.equal(kernels.chase(0, 16), 16 * 64);
  assert.equal(kernels.chase(5 * 64, 32), ((5 + 32) % 20) * 64);
});
