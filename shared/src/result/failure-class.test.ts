import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureSchema } from './job-result.ts';

test('a failure of a class that a newer agent has made up is read as internal, with its own words', () => {
  const failure = { class: 'melted', message: 'The board melted.' };
  assert.deepEqual(failureSchema.parse(failure), { class: 'internal', message: 'The board melted.' });
});
