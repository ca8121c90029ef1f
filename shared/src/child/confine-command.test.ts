import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ChildLimits, confineCommand } from './confine-command.ts';

const MiB = 2 ** 20;
const skip = process.platform === 'linux' ? false : 'limits of Linux';

/** What a child says and how it ends. */
async function runConfined(script: string, limits: ChildLimits = {}) {
  const [file, ...args] = confineCommand([process.execPath, '-e', script], limits);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [said, complained] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { said, complained, code: child.exitCode, signal: child.signalCode };
}

describe('a confined command', { skip }, () => {
  it('has its limits, is the first to go when memory runs out, and gains no privileges', async () => {
    const script = `const {readFileSync: read} = require('fs');
      console.log(read('/proc/self/limits', 'utf8') + read('/proc/self/status', 'utf8') + 'adj ' + read('/proc/self/oom_score_adj', 'utf8'))`;
    const { said } = await runConfined(script, {
      memoryBytes: 1024 * MiB,
      fileBytes: 5 * MiB,
      cpuSeconds: 7,
    });
    assert.match(said, /Max data size +1073741824 /);
    assert.match(said, /Max file size +5242880 /);
    assert.match(said, /Max cpu time +7 +37 /);
    assert.match(said, /Max core file size +0 /);
    assert.match(said, /NoNewPrivs:\t1/);
    assert.match(said, /adj 1000/);
  });

  it('cannot write beyond the limit of a file', async () => {
    const script = `const fs = require('fs'); const path = fs.mkdtempSync('/tmp/qfleet-') + '/file';
      try { fs.writeFileSync(path, Buffer.alloc(2 * ${MiB})); } catch (e) { console.log(e.code) } finally { fs.rmSync(path.slice(0, -5), { recursive: true }) }`;
    assert.equal((await runConfined(script, { fileBytes: MiB })).said, 'EFBIG\n');
  });

  it('ends with SIGXCPU when its processor time is used up', async () => {
    assert.equal((await runConfined('for (;;);', { cpuSeconds: 1 })).signal, 'SIGXCPU');
  });

  it('passes on words as they are, and how the command ended', async () => {
    const words = ['a b', '$HOME', "it's", ''];
    const [file, ...args] = confineCommand([
      process.execPath,
      '-p',
      'JSON.stringify(process.argv.slice(1))',
      '--',
      ...words,
    ]);
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    assert.deepEqual(JSON.parse(await text(child.stdout)), words);
    assert.equal((await runConfined('process.exit(3)')).code, 3);
  });

  for (const how of ['by the kernel', 'by its own watch'] as const) {
    it(`does not outlive the process that started it, though it is busy: ended ${how}`, async () => {
      const pid = await startOrphan(how);
      for (let i = 0; isRunning(pid) && i < 600; i++) await sleep(50);
      const ranOn = isRunning(pid);
      if (ranOn) process.kill(pid, 'SIGKILL');
      assert.equal(ranOn, false);
    });
  }
});

/** A busy process whose parent, which started it confined, was killed with SIGKILL. */
async function startOrphan(how: 'by the kernel' | 'by its own watch'): Promise<number> {
  const url = (name: string): string => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
  const busy = `const { watchParent } = await import(${url('./watch-parent.ts')}); watchParent(); process.stdout.write('busy'); for (;;);`;
  // A setpriv that is none, as on systems that have no parent-death signal.
  const path = how === 'by the kernel' ? process.env['PATH'] : '/nowhere';
  const parent = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `const { confineCommand } = await import(${url('./confine-command.ts')});
       const { spawn } = await import('node:child_process');
       const [file, ...args] = confineCommand([process.execPath, '--input-type=module', '-e', ${JSON.stringify(busy)}]);
       const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, PATH: ${JSON.stringify(path)} } });
       child.stdout.once('data', () => console.log(child.pid));`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const pid = Number(await firstLine(parent));
  assert.ok(isRunning(pid));
  parent.kill('SIGKILL');
  return pid;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
  return chunk.toString('utf8');
}

/** A zombie that nobody has waited for yet does not run. */
function isRunning(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !/\) Z/.test(readFileSync(path, 'utf8'));
}
