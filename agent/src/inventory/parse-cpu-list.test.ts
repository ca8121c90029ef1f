import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countCpuMap, parseCpuList } from './parse-cpu-list.ts';

test('lists of ranges and of single processors are expanded', () => {
  assert.deepEqual(parseCpuList('0-3,8'), [0, 1, 2, 3, 8]);
  assert.deepEqual(parseCpuList('5'), [5]);
  assert.deepEqual(parseCpuList(' '), []);
});

test('bits of a map of any length are counted', () => {
  assert.equal(countCpuMap('00000000,0000000f'), 4);
  assert.equal(countCpuMap('ffffffff,00000001\n'), 33);
});
