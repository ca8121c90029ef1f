import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '@qfleet/shared/random.ts';
import { lineBytes, writeCycle } from './write-cycle.ts';

test('a cycle visits every line of the working set once before it comes back', () => {
  for (const nodes of [1, 2, 3, 64, 1000]) {
    const words = new Uint32Array((nodes * lineBytes) / 4);
    writeCycle(words, nodes * lineBytes, createRandom(nodes));
    const visited = new Set<number>();
    let address = 0;
    do {
      visited.add(address);
      address = words[address / 4]!;
    } while (address !== 0 && visited.size <= nodes);
    assert.equal(visited.size, nodes);
  }
});

test('the order is no fixed stride, and is the same for the same seed', () => {
  const write = (seed: number): Uint32Array => {
    const words = new Uint32Array((256 * lineBytes) / 4);
    writeCycle(words, 256 * lineBytes, createRandom(seed));
    return words;
  };
  const words = write(1);
  const strides = new Set<number>();
  for (let node = 0; node < 256; node++) strides.add(words[node * 16]! - node * lineBytes);
  assert.ok(strides.size > 100, `${strides.size} different strides`);
  assert.deepEqual(write(1), words);
  assert.notDeepEqual(write(2), words);
});
