import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { toFailure } from '../jobs/job-failure.ts';
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
      await using _lock = await lockHost({ agent: 'tester', bootId: id, onWait: () => undefined, signal });
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
    await using _held = await lockHost({ agent: 'tester', bootId: id, onWait: noWait, signal });
    const controller = new AbortController();
    const waiting = lockHost({
      agent: 'tester',
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
      await lockHost({ agent: 'tester', bootId: ${JSON.stringify(id)}, onWait() {}, signal: new AbortController().signal });
      process.stdout.write('held');
      setInterval(() => {}, 1000);
    `;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    assert.equal(await tryExclusive(`qfleet-measure-${id}`), undefined);
    const waiting = lockHost({
      agent: 'tester',
      bootId: id,
      onWait: () => void holder.kill('SIGKILL'),
      signal,
    });
    await using _lock = await waiting;
    assert.equal(holder.signalCode ?? (await once(holder, 'exit'))[1], 'SIGKILL');
  });

  it('goes by boot: another host name space is another lock', async () => {
    await using _one = await lockHost({ agent: 'tester', bootId: bootId(), onWait: noWait, signal });
    await using _other = await lockHost({ agent: 'tester', bootId: bootId(), onWait: noWait, signal });
  });
});

describe('the holder of the host’s lock', {
  skip: process.platform === 'linux' ? false : 'reads /proc',
}, () => {
  const module = JSON.stringify(fileURLToPath(new URL('./host-lock.ts', import.meta.url)));
  const holding = (id: string): string => `
    const { lockHost } = await import(${module});
    await lockHost({ agent: 'pi\\u001b3', bootId: '${id}', onWait() {}, signal: new AbortController().signal });
    setInterval(() => {}, 1000); console.log('held')`;
  const listening = (id: string, answer: string): string => `
    const { createServer } = await import('node:net');
    createServer((socket) => { ${answer} }).listen('\\0qfleet-measure-${id}', () => console.log('held'));`;
  const start = async (script: string): Promise<ChildProcess & Disposable> => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout!, 'data');
    return Object.assign(child, { [Symbol.dispose]: () => void child.kill('SIGKILL') });
  };
  /** What one who waits is told, until the bound for silent holders. */
  const waitInVain = async (id: string, silentMs = 0) => {
    const told: string[] = [];
    const waiting = lockHost({
      agent: 'tester',
      bootId: id,
      onWait: (what) => told.push(what),
      signal,
      bounds: { workingMs: Number.POSITIVE_INFINITY, silentMs },
    });
    const reason = await waiting.then(() => assert.fail('It is held.'), toFailure);
    return { told, reason };
  };

  it('says who it is, and is waited for as long as it works', async () => {
    const id = bootId();
    using holder = await start(holding(id));
    const told: string[] = [];
    const waiting = lockHost({
      agent: 'tester',
      bootId: id,
      onWait: (what) => {
        told.push(what);
        holder.kill('SIGKILL');
      },
      signal,
      bounds: { workingMs: Number.POSITIVE_INFINITY, silentMs: 0 },
    });
    await using _lock = await waiting;
    const words = new RegExp(
      `^waiting for the measurement lock of this host, held by pid ${holder.pid} \\(agent pi\\?3\\) since 20\\d\\d-\\d\\d-\\d\\dT[0-9:]+Z$`,
    );
    assert.match(told[0]!, words);
  });

  it('that is stopped is named as such, and not waited for without end', async () => {
    const id = bootId();
    using holder = await start(holding(id));
    holder.kill('SIGSTOP');
    const { told, reason } = await waitInVain(id);
    assert.match(told[0]!, new RegExp(`held by pid ${holder.pid}, which is stopped`));
    assert.equal(reason.class, 'host-busy');
    assert.match(reason.hint!, new RegExp(`kill -CONT ${holder.pid}`));
  });

  it('that stops while it is waited for is noticed without being asked', async () => {
    const id = bootId();
    using holder = await start(holding(id));
    const told: string[] = [];
    const waiting = lockHost({
      agent: 'tester',
      bootId: id,
      onWait: (what) => {
        told.push(what);
        holder.kill('SIGSTOP');
      },
      signal,
      bounds: { workingMs: Number.POSITIVE_INFINITY, silentMs: 0 },
    });
    assert.equal((await waiting.then(() => assert.fail('It is held.'), toFailure)).class, 'host-busy');
    assert.equal(told.length, 2);
    assert.match(told[1]!, /\(agent pi\?3\) since .*, which is stopped$/);
  });

  for (const [what, answer] of [
    ['says nothing', ''],
    ['hangs up', 'socket.destroy()'],
    ['says something else', 'socket.write("hello\\n")'],
  ] as const) {
    it(`is none of ours where it ${what}, and does not keep the job`, async () => {
      const id = bootId();
      using holder = await start(listening(id, answer));
      const { told, reason } = await waitInVain(id);
      assert.deepEqual(told, [
        `waiting for the measurement lock of this host, held by pid ${holder.pid}, which does not say that it is an agent`,
      ]);
      assert.equal(reason.class, 'host-busy');
      assert.match(reason.message, /not to be had within 0 s/);
    });
  }
});

describe('tryLockFile', () => {
  it('is held by one, freed by disposal and by death, however many try at once', async () => {
    const name = bootId();
    {
      const tries = await Promise.all([tryLockFile(name), tryLockFile(name), tryLockFile(name)]);
      const [held, ...more] = tries.filter((one) => one !== undefined);
      assert.deepEqual(more, []);
      assert.equal(await tryLockFile(name), undefined);
      await held![Symbol.asyncDispose]();
    }
    const module = JSON.stringify(fileURLToPath(new URL('./lock-file.ts', import.meta.url)));
    const script = `const { tryLockFile } = await import(${module});
      globalThis.held = await tryLockFile('${name}'); setInterval(() => {}, 1000); console.log(globalThis.held !== undefined)`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(holder.stdout, 'data')) as [Buffer];
    assert.equal(line.toString(), 'true\n');
    assert.equal(await tryLockFile(name), undefined);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await using taken = await tryLockFile(name);
    assert.ok(taken);
    await rm(join(tmpdir(), `${name}.lock`));
  });
});
