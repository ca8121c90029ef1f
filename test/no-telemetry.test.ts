import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sampleContract, sampleModel, writeGlyphs } from './support/glyph-data.ts';
import { projectFolder } from './support/project-folder.ts';

const coordinatorCli = join(projectFolder, 'coordinator/src/cli/main.ts');
const agentCli = join(projectFolder, 'agent/src/cli/qfleet-agent.cjs');
const strace = '/usr/bin/strace';
const skip = process.platform === 'linux' ? false : 'processes are looked at through /proc, which Linux has';

describe('no process of ours that loads ONNX Runtime phones home', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-telemetry-'));
  const glyphs = join(folder, 'glyphs.npz');
  before(() => writeGlyphs(glyphs, { count: 64 }));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const commands: Readonly<Record<string, readonly string[]>> = {
    'an agent that times a model': [agentCli, 'bench', sampleModel, '--launches', '1', '--duration', '100'],
    'a quantization': [
      ...[coordinatorCli, 'quantize', sampleModel, '--calibration', glyphs, '--contract', sampleContract],
      ...['--recipe', 'int8-per-channel', '--limit', '16', '--out', join(folder, 'out')],
    ],
    'the doctor': [coordinatorCli, 'doctor'],
  };

  for (const [what, command] of Object.entries(commands)) {
    test(`${what} has its telemetry switched off before it is loaded`, async () => {
      // A library that is mapped for some milliseconds can be overlooked on a busy machine: look again then.
      let seen: Seen[] = [];
      for (let look = 0; look < 5 && seen.length === 0; look++) seen = await watchEnvironments(command);
      assert.ok(seen.length > 0, 'a process had ONNX Runtime loaded');
      for (const { pid, environment } of seen) {
        assert.ok(environment.includes('ORT_DISABLE_TELEMETRY=1'), `process ${pid} of ${what}`);
      }
    });

    const needsStrace = existsSync(strace) ? false : `no ${strace}`;
    test(`${what} attempts no connection`, { skip: needsStrace }, async () => {
      const trace = join(folder, 'trace.txt');
      await runToEnd([strace, '-f', '-e', 'trace=connect,execve', '-o', trace, process.execPath, ...command]);
      const lines = readFileSync(trace, 'utf8').split('\n');
      assert.ok(
        lines.some((line) => line.includes('execve(')),
        'strace could look on',
      );
      assert.deepEqual(
        lines.filter((line) => /connect\(.*AF_INET/.test(line)),
        [],
      );
    });
  }
});

interface Seen {
  readonly pid: string;
  readonly environment: readonly string[];
}

/** The environments of all descendants that had the native library mapped while a command ran. */
async function watchEnvironments(command: readonly string[]): Promise<Seen[]> {
  const mark = `QFLEET_TEST_MARK=${process.pid}-${performance.now()}`;
  const seen = new Map<string, Seen>();
  let isOver = false;
  const running = runToEnd([process.execPath, ...command], mark).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    for (const found of findLoaded(mark)) seen.set(found.pid, found);
    await sleep(5);
  }
  await running;
  return [...seen.values()];
}

function findLoaded(mark: string): Seen[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      const environment = readProc(pid, 'environ').split('\0');
      if (!environment.includes(mark) || !readProc(pid, 'maps').includes('libonnxruntime')) return [];
      return [{ pid, environment }];
    });
}

/** Empty for a process that is gone or belongs to somebody else. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

/** Runs a command to its end without the variable that this shell, or the test runner, may have set. */
async function runToEnd(command: readonly string[], mark = 'QFLEET_TEST_MARK='): Promise<void> {
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
  const [name = '', value = ''] = mark.split('=');
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    env: { ...env, [name]: value, QFLEET_AGENT_LOCK_NAME: `telemetry-${process.pid}` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, said);
}
