import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isProcessAlive } from '@qfleet/shared/process/is-process-alive.ts';
import { readOperatorFile } from '../main/operator-file.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const launcher = join(root, 'qfleet');
const folder = mkdtempSync(join(tmpdir(), 'qfleet-up-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ports = ['--port', '0', '--listen', '127.0.0.1:0'];

/** Starts a program with a data folder of its own; npm's own variables are not handed on. */
function start(file: string, args: readonly string[], data: string) {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], QFLEET_DATA: join(folder, data) };
  const child = spawn(file, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text.stdout += more));
  child.stderr.setEncoding('utf8').on('data', (more: string) => (text.stderr += more));
  const ended = once(child, 'exit').then(([code]) => ({ code: code as number | null, ...text }));
  return { child, ended };
}

const run = (data: string, ...args: string[]) => start(launcher, args, data).ended;

async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadlineMs = performance.now() + 90_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(performance.now() < deadlineMs, `waited for ${what} in vain`);
    await sleep(50);
  }
}

test('up --detach returns when the coordinator answers, leaves a log, is found again, and down ends it', async () => {
  const up = await run('detached', 'up', '--detach', ...ports);
  assert.equal(up.code, 0, up.stderr);
  const data = join(folder, 'detached');
  const operator = await readOperatorFile(data);
  assert.ok(operator && isProcessAlive(operator.pid));
  assert.match(up.stderr, /stop it with: \.\/qfleet down/);
  assert.match(readFileSync(join(data, 'coordinator.log'), 'utf8'), /coordinator started/);
  assert.equal(statSync(join(data, 'coordinator.log')).mode & 0o777, 0o600);
  const again = await run('detached', 'up', '--detach', ...ports);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, new RegExp(`one already[\\s\\S]*pid +${operator.pid};`));
  assert.equal((await run('detached', 'model', 'ls')).code, 0);
  const down = await run('detached', 'down');
  assert.equal(down.code, 0, down.stderr);
  assert.equal(isProcessAlive(operator.pid), false);
  assert.match((await run('detached', 'down')).stderr, /No coordinator runs on/);
});

test('a coordinator that cannot start in the background says why, with the exit code it ended with', async () => {
  assert.equal((await run('first', 'up', '--detach', ...ports)).code, 0);
  const { url } = (await readOperatorFile(join(folder, 'first')))!;
  const taken = await run('second', 'up', '--detach', '--port', new URL(url).port, '--listen', '127.0.0.1:0');
  assert.equal(taken.code, 78, taken.stderr);
  assert.match(taken.stderr, /did not start[\s\S]*choose another port/);
  assert.equal((await run('first', 'down')).code, 0);
});

test('a command waits for a coordinator that was started just before it, also after one that was killed', async () => {
  for (const round of ['first', 'after a kill']) {
    const up = start(launcher, ['up', ...ports], 'racing');
    const made = await run('racing', 'device', 'ls');
    assert.equal(made.code, 0, `${round}: ${made.stderr}`);
    up.child.kill('SIGKILL');
    await up.ended;
  }
  const gone = await run('racing', 'device', 'ls');
  assert.equal(gone.code, 3);
});

test('an identity folder hides its key from git, whatever it is called', async () => {
  assert.equal((await run('git', 'up', '--detach', ...ports)).code, 0);
  const added = await run('git', 'device', 'add', 'pi3', '--out', join(folder, 'checkout', 'boards', 'pi3'));
  assert.equal(added.code, 0, added.stderr);
  const inTheMiddle = await run('git', 'device', 'add', 'pi4', '--out', join(folder, 'checkout'));
  assert.equal(inTheMiddle.code, 0, inTheMiddle.stderr);
  assert.equal((await run('git', 'down')).code, 0);
  if (!existsSync('/usr/bin/git')) return;
  const git = (...args: string[]) => start('git', ['-C', join(folder, 'checkout'), ...args], 'git').ended;
  await git('init', '-q');
  await git('add', '-A');
  const { stdout } = await git('ls-files');
  assert.ok(!/device\.key/.test(stdout), stdout);
  assert.match(stdout, /device\.crt/, 'a folder that was there before stays visible but for the key');
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a coordinator that npx started ends after npx has got ${signal}`, async () => {
    const npx = start('npx', ['--prefix', root, '--no', 'qfleet', 'up', ...ports], `npx-${signal}`);
    const { pid } = await until('the coordinator', () => readOperatorFile(join(folder, `npx-${signal}`)));
    npx.child.kill(signal);
    await npx.ended;
    await until('its end', () => !isProcessAlive(pid) || undefined);
  });
}

test('the launcher becomes the program: a signal to it reaches the coordinator itself', async () => {
  const up = start(launcher, ['up', ...ports], 'launcher');
  const { pid } = await until('the coordinator', () => readOperatorFile(join(folder, 'launcher')));
  assert.equal(pid, up.child.pid);
  up.child.kill('SIGTERM');
  assert.equal((await up.ended).code, 0);
});

test('a program that qfleet runs through ends where qfleet is killed', async () => {
  const probe = start(launcher, ['probe'], 'through');
  const child = await until('the agent', () => childOf(probe.child.pid!));
  probe.child.kill('SIGKILL');
  await until('its end', () => !isProcessAlive(child) || undefined);
});

/** The child that is the agent; before it becomes the program, the launcher has others. */
function childOf(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return children
      .filter(Boolean)
      .map(Number)
      .find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('qfleet-agent.cjs'));
  } catch {
    return undefined;
  }
}
