import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockHost, tryExclusive } from './host-lock.ts';
import { tryLockFile } from './lock-file.ts';

const signal = new AbortController().signal;
const noWait = (): void => assert.fail('Nobody else holds the lock.');
let number = 0;
const bootId = (): string => `test-${process.pid}-${number++}`;

describe('lockHost', () => {
  it('lets one of several callers in at a time, and all of them in the end', async () => {
    const id = bootId();
    let inside = 0;
    let most = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      await using _lock = await lockHost({ bootId: id, onWait: () => undefined, signal });
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
      done++;
    };
    await Promise.all([work(), work(), work(), work()]);
    assert.deepEqual({ most, done }, { most: 1, done: 4 });
  });

  it('says when it waits, and stops waiting when told to', async () => {
    const id = bootId();
    await using _held = await lockHost({ bootId: id, onWait: noWait, signal });
    const controller = new AbortController();
    const waiting = lockHost({
      bootId: id,
      onWait: () => controller.abort(new Error('no more')),
      signal: controller.signal,
    });
    await assert.rejects(waiting, /no more/);
  });

  it('is free again when the process that held it is killed', async () => {
    const id = bootId();
    const script = `
      const { lockHost } = await import(${JSON.stringify(fileURLToPath(new URL('./host-lock.ts', import.meta.url)))});
      await lockHost({ bootId: ${JSON.stringify(id)}, onWait() {}, signal: new AbortController().signal });
      process.stdout.write('held');
      setInterval(() => {}, 1000);
    `;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    assert.equal(await tryExclusive(`qfleet-measure-${id}`), undefined);
    const waiting = lockHost({ bootId: id, onWait: () => void holder.kill('SIGKILL'), signal });
    await using _lock = await waiting;
    assert.equal(holder.signalCode ?? (await once(holder, 'exit'))[1], 'SIGKILL');
  });

  it('goes by boot: another host name space is another lock', async () => {
    await using _one = await lockHost({ bootId: bootId(), onWait: noWait, signal });
    await using _other = await lockHost({ bootId: bootId(), onWait: noWait, signal });
  });
});

describe('tryLockFile', () => {
  it('is held by one, freed by disposal, and taken over from the dead', async () => {
    const name = bootId();
    {
      await using held = await tryLockFile(name);
      assert.ok(held);
      assert.equal(await tryLockFile(name), undefined);
    }
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    const { writeFile } = await import('node:fs/promises');
    const { tmpdir } = await import('node:os');
    await writeFile(`${tmpdir()}/${name}.lock`, String(dead.pid));
    await using taken = await tryLockFile(name);
    assert.ok(taken);
  });
});
