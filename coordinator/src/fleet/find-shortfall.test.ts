import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobResult, Launch } from '@qfleet/shared/result/job-result.ts';
import type { JobRecord } from '../store/records.ts';
import { findShortfall } from './find-shortfall.ts';

const crash = { class: 'crashed', message: 'SIGSEGV ended the runner.' } as const;
const job = {
  spec: { measure: { variants: ['a', 'b', 'c'].map((name) => ({ name, digest: digestOf(name) })) } },
} as unknown as JobRecord;

function digestOf(name: string): string {
  return name.repeat(64);
}

function resultOf(launches: readonly [string, Launch['failure']?][]): JobResult {
  const facts = { launches: launches.map(([name, failure]) => ({ variantDigest: digestOf(name), failure })) };
  return { outcome: { kind: 'measure', facts } } as unknown as JobResult;
}

test('a variant with one good launch is not missed', () => {
  assert.equal(findShortfall(resultOf([['a', crash], ['a'], ['b'], ['c']]), job), undefined);
});

test('a variant all of whose launches failed is named with the reason', () => {
  assert.deepEqual(findShortfall(resultOf([['a'], ['b', crash], ['c'], ['b', crash]]), job), {
    class: 'crashed',
    message: 'b was not timed: SIGSEGV ended the runner.',
  });
});

test('several such variants are all named', () => {
  const oom = { class: 'oom', message: 'Out of memory.' } as const;
  assert.deepEqual(findShortfall(resultOf([['a', oom], ['b', crash], ['c']]), job), {
    class: 'oom',
    message: 'a was not timed: Out of memory. b was not timed: SIGSEGV ended the runner.',
  });
});

test('a failed attempt has its own failure and no shortfall', () => {
  const failed = { outcome: { kind: 'failed', failure: crash } } as unknown as JobResult;
  assert.equal(findShortfall(failed, job), undefined);
});
