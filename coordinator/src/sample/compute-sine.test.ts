import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeCosine, computeSine } from './compute-sine.ts';

test('sine and cosine agree with Math to 1e-9 over several turns either way', () => {
  for (let step = -3000; step <= 3000; step++) {
    const turns = step / 1000;
    assert.ok(Math.abs(computeSine(turns) - Math.sin(2 * Math.PI * turns)) < 1e-9, `sine of ${turns} turns`);
    assert.ok(
      Math.abs(computeCosine(turns) - Math.cos(2 * Math.PI * turns)) < 1e-9,
      `cosine of ${turns} turns`,
    );
  }
});
