import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import { buildDoubling } from '../testing/build-onnx.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';

const cli = fileURLToPath(new URL('./qfleet-agent.cjs', import.meta.url));

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const runCli = (...args: string[]): Promise<Finished> => runNode([cli, ...args]);

function runNode(args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const env = { ...process.env, QFLEET_AGENT_LOCK_NAME: `test-cli-${process.pid}`, ...variables };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** A module that Node loads before the program, from its source. */
const preload = (source: string): string => `--import=data:text/javascript,${encodeURIComponent(source)}`;

describe('qfleet-agent', () => {
  it('benches a model and prints readings alone on standard output', async () => {
    await using folder = await temporaryFolder();
    const model = join(folder.path, 'model.onnx');
    await writeFile(model, buildDoubling(['N', 8]));
    const { code, stdout, stderr } = await runCli(
      'bench',
      model,
      '--launches',
      '1',
      '--duration',
      '50',
      '-o',
      'json',
    );
    assert.equal(code, 0, stderr);
    const { readings } = JSON.parse(stdout) as { readings: unknown[] };
    const parsed = readings.map((reading) => readingSchema.parse(reading));
    for (const quantity of ['latency.p50', 'throughput', 'cold.create', 'memory.peak', 'model.size']) {
      assert.ok(
        parsed.some((reading) => reading.quantity === quantity && reading.status !== 'unavailable'),
        quantity,
      );
    }
  });

  it('asks for the sizes of dimensions that the model leaves open, and prints the shape that it timed', async () => {
    await using folder = await temporaryFolder();
    const model = join(folder.path, 'model.onnx');
    await writeFile(model, buildDoubling(['N', 3, 'height', 'width']));
    const short = ['--launches', '1', '--duration', '50'];
    const refused = await runCli('bench', model, ...short, '--dimensions', 'width=5');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /x \[N, 3, height, width\]. Sizes are missing for height/);
    const timed = await runCli('bench', model, ...short, '--dimensions', 'width=5,x[2]=7', '--batch', '2');
    assert.equal(timed.code, 0, timed.stderr);
    assert.match(timed.stdout, /random inputs x \[2, 3, 7, 5\]/);
  });

  it('fails with what is wrong with the model', async () => {
    await using folder = await temporaryFolder();
    const model = join(folder.path, 'model.onnx');
    await writeFile(model, 'version https://git-lfs.github.com/spec/v1\n');
    const { code, stdout, stderr } = await runCli('bench', model, '--launches', '1', '--duration', '50');
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /does not load the model/);
  });

  it('tells usage from configuration by its exit code', async () => {
    assert.equal((await runCli('bench')).code, 2);
    assert.equal((await runCli('--help')).code, 0);
    const { code, stderr } = await runCli('run', '--identity', '/nowhere/at/all');
    assert.equal(code, 78);
    assert.match(stderr, /qfleet device add NAME --out DIR/);
  });

  it('says in one line that Node is too old', async () => {
    const older = "Object.defineProperty(process, 'versions', { value: { node: '12.22.12' } });";
    const { code, stdout, stderr } = await runNode([preload(older), cli, 'run']);
    assert.deepEqual({ code, stdout }, { code: 78, stdout: '' });
    assert.match(stderr, /^qfleet-agent: needs Node 24, this is [^\n]* `npm ci` [^\n]*\n$/);
  });

  it('never loads what strips types into a process that stays, from the first start on', async () => {
    await using folder = await temporaryFolder();
    const caches = { XDG_CACHE_HOME: folder.path, NODE_COMPILE_CACHE: undefined };
    const count =
      "process.on('exit', () => console.log(process.moduleLoadList.filter((name) => name.includes('amaro')).length))";
    const strippersLoadedBy = async (command: string): Promise<number> =>
      Number((await runNode([preload(count), cli, command, '--identity', '/nowhere'], caches)).stdout);
    assert.ok((await strippersLoadedBy('status')) > 0, 'the test would not see one');
    assert.equal(await strippersLoadedBy('run'), 0);
  });
});
