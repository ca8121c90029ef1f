import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeExit } from './describe-exit.ts';

describe('describeExit', () => {
  it('names the signal, also one that a launcher passed on as a code', () => {
    assert.match(describeExit({ code: null, signal: 'SIGILL', errorText: '' }).message, /SIGILL/);
    assert.match(describeExit({ code: 139, signal: null, errorText: '' }).message, /SIGSEGV/);
    assert.match(
      describeExit({ code: 3, signal: null, errorText: 'a\nlast words\n' }).message,
      /^exit code 3 ended the runner; it said: last words$/,
    );
  });

  it('sees lack of memory in SIGKILL and in what V8 says before it aborts', () => {
    const v8 = 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory';
    assert.equal(describeExit({ code: null, signal: 'SIGABRT', errorText: v8 }).class, 'oom');
    assert.equal(describeExit({ code: null, signal: 'SIGKILL', errorText: '' }).class, 'oom');
    assert.equal(describeExit({ code: null, signal: 'SIGABRT', errorText: '' }).class, 'crashed');
  });
});
