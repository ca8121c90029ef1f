import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { endLeftovers } from './end-leftovers.ts';

const skip = process.platform === 'linux' ? false : 'reads /proc';

describe('ending leftovers', { skip }, () => {
  it('ends what an earlier agent of the same state folder started, grandchildren too, and nobody else’s', async () => {
    const folder = `/state/${process.pid}`;
    assert.deepEqual(await endLeftovers(folder), []);
    const script = `require('child_process').spawn(process.execPath, ['-e', 'for (;;);']); console.log(1); for (;;);`;
    const start = () => spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const mine = start();
    await endLeftovers(`${folder}-of-another`);
    const other = start();
    await Promise.all([once(mine.stdout, 'data'), once(other.stdout, 'data')]);
    const exited = once(mine, 'exit');
    const ended = await endLeftovers(folder);
    assert.equal(ended.length, 2);
    assert.ok(ended.includes(mine.pid!));
    assert.deepEqual((await exited)[1], 'SIGKILL');
    assert.equal(other.signalCode ?? other.exitCode, null);
    assert.equal((await endLeftovers(`${folder}-of-another`)).length, 2);
  });
});
