import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Failure } from '@qfleet/shared/result/job-result.ts';
import { attributeToLimits } from './attribute-to-limits.ts';
import { describeExit, type RunnerExit } from './describe-exit.ts';

const exit = (over: Partial<RunnerExit>): Failure =>
  describeExit({ code: null, signal: null, errorText: '', limits: {}, sawOomKill: false, ...over });

describe('describeExit', () => {
  it('names the signal, also one that a launcher passed on as a code', () => {
    assert.match(exit({ signal: 'SIGILL' }).message, /SIGILL/);
    assert.match(exit({ code: 139 }).message, /SIGSEGV/);
    assert.match(
      exit({ code: 3, errorText: 'a\nlast words\n' }).message,
      /^exit code 3 ended the runner; it said: last words$/,
    );
  });

  it('sees lack of memory in what V8 says before it aborts', () => {
    const v8 = 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory';
    assert.equal(exit({ signal: 'SIGABRT', errorText: v8, limits: { memoryBytes: 1e9 } }).class, 'oom');
    assert.equal(exit({ signal: 'SIGABRT' }).class, 'crashed');
  });

  it('calls a killed runner out of memory only where the kernel counted a kill for memory', () => {
    for (const kill of [{ signal: 'SIGKILL' }, { code: 137 }] as const) {
      assert.equal(exit({ ...kill, sawOomKill: true }).class, 'oom');
      assert.equal(exit({ ...kill, sawOomKill: false }).class, 'killed');
      assert.equal(exit({ ...kill, sawOomKill: undefined }).class, 'killed');
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      assert.deepEqual(exit({ signal, sawOomKill: true }).class, 'killed', signal);
  });

  it('names the limit that ended it', () => {
    const limits = { memoryBytes: 3e9, fileBytes: 5e6, cpuSeconds: 7 };
    const allocation = { signal: 'SIGABRT', errorText: 'what():  std::bad_alloc' } as const;
    assert.match(exit({ ...allocation, limits }).message, /met its memory limit of 3\.0 GB/);
    assert.equal(exit(allocation).class, 'oom');
    assert.match(exit({ signal: 'SIGXCPU', limits }).message, /used up its 7 s of processor time/);
    const tooLarge = { class: 'internal', message: 'EFBIG: file too large, write' } as const;
    assert.match(attributeToLimits(tooLarge, limits).message, /beyond its limit of 5 MB/);
    assert.equal(exit({ signal: 'SIGXFSZ', limits }).class, 'file-limit');
  });

  it('leaves lack of a GPU’s memory what it is', () => {
    const failure = { class: 'oom', message: 'CUDA failure 2: out of memory' } as const;
    assert.deepEqual(attributeToLimits(failure, { memoryBytes: 3e9 }), failure);
  });
});
