import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TensorMessage } from './ort-messages.ts';
import { StagedValues } from './staged-values.ts';
import { trimmedMean } from './trimmed-mean.ts';

describe('the trimmed mean', () => {
  it('is the mean of the middle four fifths, so that one outlier in ten does not move it', () => {
    assert.equal(trimmedMean(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 1e6)), 5.5);
    assert.equal(trimmedMean(Float32Array.of(3, 1, 2)), 2);
    assert.equal(trimmedMean(new Float32Array(0)), 0);
  });
});

describe('the shift between two forms of a model', () => {
  const tensor = (values: number[]): TensorMessage => ({
    elementType: 'float32',
    dims: [1, 2, 10],
    data: Float32Array.from(values),
  });

  it('is what each channel lacks, over all inputs and without outliers, and is added to the candidate', () => {
    const staged = new StagedValues();
    for (let input = 0; input < 2; input++) {
      const base = Array.from({ length: 20 }, (_, i) => i + input);
      // Channel 0 lacks 3 but for one clipped value; channel 1 has 2 too much.
      const wanted = base.map((value, i) => (i === 4 ? value + 1000 : i < 10 ? value + 3 : value - 2));
      staged.of('reference').push(new Map([['c', tensor(wanted)]]));
      staged.of('candidate').push(new Map([['r', tensor(base)]]));
    }
    const shift = staged.shift({ store: 'reference', tensor: 'c' }, { store: 'candidate', tensor: 'r' });
    assert.deepEqual([...shift], [3, -2]);
    const [first, second] = staged.of('candidate').map((values) => [...values.get('r')!.data]);
    assert.deepEqual([first![0], first![19]], [3, 17]);
    assert.deepEqual([second![0], second![19]], [4, 18]);
  });
});
