import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { JobFailure, toFailure } from './job-failure.ts';

describe('toFailure', () => {
  it('tells lack of memory from a full disk', () => {
    assert.equal(toFailure(new QfleetError('resource-exhausted', 'Failed to allocate memory')).class, 'oom');
    assert.equal(toFailure(Object.assign(new Error('write failed'), { code: 'ENOSPC' })).class, 'disk-full');
  });

  it('keeps the failure that a runner reported', () => {
    const failure = { class: 'crashed', message: 'SIGILL', hint: 'another backend' } as const;
    assert.deepEqual(toFailure(new JobFailure(failure)), failure);
  });

  it('calls what nobody foresaw internal', () => {
    assert.deepEqual(toFailure(new TypeError('x is undefined')), {
      class: 'internal',
      message: 'x is undefined',
    });
  });
});
