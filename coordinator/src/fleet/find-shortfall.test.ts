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
  const facts = {
    launches: launches.map(([name, failure]) => ({
      variantDigest: digestOf(name),
      ...(failure ? { failure } : { timedCount: 1 }),
    })),
  };
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

test('a measurement without a launch of a variant, or without samples, lacks that variant', () => {
  const none = findShortfall(resultOf([]), job);
  assert.equal(none?.class, 'internal');
  assert.match(none?.message ?? '', /^a was not timed: .* no launch .*b was not timed: .*c was not timed: /);
  const launches = ['a', 'b', 'c'].map((name) => ({ variantDigest: digestOf(name), timedCount: 1 }));
  const facts = { launches: [...launches.slice(0, 2), { variantDigest: digestOf('c') }] };
  const silent = findShortfall({ outcome: { kind: 'measure', facts } } as unknown as JobResult, job);
  assert.match(silent?.message ?? '', /^c was not timed: .* no samples/);
});

test('an evaluation of fewer inputs than asked, or without outputs, and a probe without readings lack them', () => {
  const evaluate = { variant: { name: 'int8' }, inputs: { count: 10 } };
  const asked = { spec: { evaluate } } as unknown as JobRecord;
  const evaluated = (facts: { count: number; outputs: unknown[] }) =>
    findShortfall({ outcome: { kind: 'evaluate', facts } } as unknown as JobResult, asked);
  assert.equal(evaluated({ count: 10, outputs: [{}] }), undefined);
  assert.equal(evaluated({ count: 9, outputs: [{}] })?.message, 'int8 was evaluated on 9 of 10 inputs.');
  assert.match(evaluated({ count: 10, outputs: [] })?.message ?? '', /no outputs/);
  const probed = (readings: unknown[]) =>
    findShortfall({ outcome: { kind: 'probe', facts: { readings } } } as unknown as JobResult, asked);
  assert.equal(probed([{}]), undefined);
  assert.equal(probed([])?.message, 'The probe has no readings.');
});
