import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readOperatorFile } from '../main/operator-file.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const launcher = fileURLToPath(new URL('qfleet.cjs', import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), 'qfleet-cli-'));
after(() => rmSync(cwd, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command line to its end, without what this shell has set for it. */
function qfleet(args: readonly string[], { node = process.execPath, script = main } = {}): Promise<Ended> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  return new Promise((resolve) => {
    execFile(node, [script, ...args], { cwd, env, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error ? Number(error.code ?? -1) : 0;
      resolve({ code, stdout, stderr });
    });
  });
}

test('every command explains itself with an example, on standard output', async () => {
  const { code, stdout } = await qfleet(['--help']);
  assert.equal(code, 0);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+)[ |]/gm)].map(([, name]) => name);
  assert.ok(['demo', 'up', 'device', 'model', 'run', 'report'].every((name) => commands.includes(name)));
  for (const args of [['run', 'create'], ['device', 'add'], ['quantize'], ['report']]) {
    const help = await qfleet([...args, '--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`Example:\\n {2}\\$ \\./qfleet ${args.join(' ')}`));
  }
});

test('a wrong command or option is refused with the nearest one, exit 2', async () => {
  const command = await qfleet(['modle', 'ls']);
  assert.deepEqual([command.code, command.stdout], [2, '']);
  assert.match(command.stderr, /unknown command 'modle'[\s\S]*Did you mean model\?/);
  const option = await qfleet(['run', 'create', '--modle', 'x']);
  assert.equal(option.code, 2);
  assert.match(option.stderr, /unknown option '--modle'[\s\S]*Did you mean --model\?/);
  assert.equal((await qfleet(['model', 'ls', '-o', 'xml'])).code, 2);
  assert.equal((await qfleet(['device', 'add', 'pi3'])).code, 2);
});

test('without a coordinator a command says how to start one, exit 3', async () => {
  const { code, stdout, stderr } = await qfleet(['model', 'ls']);
  assert.deepEqual([code, stdout], [3, '']);
  assert.match(stderr, /No coordinator runs on .*\.qfleet[\s\S]*qfleet up/);
});

test('an older Node gets one clear line, exit 78', async (context) => {
  const older = '/usr/bin/node';
  const version = existsSync(older) ? await majorOf(older) : 24;
  if (version >= 24) return context.skip(`${older} is not an older Node`);
  const { code, stderr } = await qfleet(['ls'], { node: older, script: launcher });
  assert.equal(code, 78);
  assert.match(stderr, /^qfleet: needs Node 24, this is v\d+.*\n$/);
});

async function majorOf(node: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile(node, ['-p', 'process.versions.node'], (_, stdout) => resolve(stdout));
  return Number((await promise).split('.')[0]);
}

test('doctor says of each thing how it is, and exits 0 where nothing failed', async () => {
  const { code, stdout } = await qfleet(['doctor', '-o', 'json']);
  const findings = JSON.parse(stdout) as { what: string; state: string; fix?: string }[];
  assert.ok(findings.some(({ what, state }) => what === 'ONNX Runtime' && state === 'ok'));
  for (const { what, state, fix } of findings) assert.equal(state === 'ok', fix === undefined, what);
  assert.equal(code, findings.some(({ state }) => state === 'failed') ? 1 : 0);
  const emulation = fileURLToPath(new URL('../../../deploy/virtual-device.ts', import.meta.url));
  const { code: canEmulate } = await qfleet(['check', 'pi3'], { script: emulation });
  const emulator = findings.find(({ what }) => what === 'emulator');
  assert.equal(emulator?.state === 'ok', canEmulate === 0, 'as what emulates boards says itself');
});

test('a completion script offers commands and options', async () => {
  const { stdout } = await qfleet(['completion', 'bash']);
  const script = `${stdout}\nCOMP_WORDS=(qfleet run cr); COMP_CWORD=2; _qfleet; echo "\${COMPREPLY[@]}"`;
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile('bash', ['-c', script], (_, out) => resolve(out));
  assert.equal((await promise).trim(), 'create');
});

test('a coordinator serves the commands, keeps a second one out, and goes when it is told to', async () => {
  const data = join(cwd, 'data');
  const args = [main, 'up', '--data', data, '--port', '0', '--listen', '127.0.0.1:0'];
  const child = spawn(process.execPath, args, { cwd, stdio: 'ignore' });
  const exited = once(child, 'exit');
  try {
    while (!(await readOperatorFile(data).catch(() => undefined))) {
      assert.equal(child.exitCode, null, 'the coordinator ended');
      await sleep(50);
    }
    const second = await qfleet(['up', '--data', data, '--port', '0', '--listen', '127.0.0.1:0']);
    assert.equal(second.code, 78);
    assert.match(second.stderr, new RegExp(`pid ${child.pid}`));
    const added = await qfleet(['device', 'add', 'pi3', '--out', 'pi3', '--data', data]);
    assert.equal(added.code, 0, added.stderr);
    assert.equal(statSync(join(cwd, 'pi3', 'device.key')).mode & 0o777, 0o600);
    const listed = await qfleet(['device', 'ls', '-o', 'json', '--data', data]);
    const [device] = JSON.parse(listed.stdout) as { id: string; name: string; connected: boolean }[];
    assert.deepEqual([device?.id, device?.name, device?.connected], [added.stdout.trim(), 'pi3', false]);
    const unknown = await qfleet(['device', 'show', 'pi33', '--data', data]);
    assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
    assert.match(unknown.stderr, /no device "pi33"[\s\S]*Did you mean pi3\?/);
    const run = await qfleet(['run', 'create', '--model', 'none', '--data', data]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /There is no model "none"/);
  } finally {
    child.kill('SIGTERM');
  }
  assert.deepEqual(await exited, [0, null]);
  assert.equal(await readOperatorFile(data), undefined);
  assert.equal((await qfleet(['device', 'ls', '--data', data])).code, 3);
});
