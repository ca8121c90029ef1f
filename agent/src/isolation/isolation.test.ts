import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { probeBackends } from '../backends/probe-backends.ts';
import { startRunner } from '../runner/start-runner.ts';
import { buildDoubling } from '../testing/build-onnx.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { isolateCommand } from './isolate-command.ts';
import { describeIsolation, type Isolation, noIsolation } from './isolation.ts';
import { probeIsolation } from './probe-isolation.ts';

const nodeCommand = [process.execPath];
const found = await probeIsolation({ nodeCommand, denied: [], allowed: [], isOff: false });
const needs = (first: number) =>
  (found.landlockAbi ?? 0) >= first
    ? false
    : `needs Landlock ${first}: ${describeIsolation(found).join('; ')}`;

describe('an isolated runner', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let identity: string;
  let isolation: Isolation;
  before(async () => {
    folder = await temporaryFolder();
    identity = join(folder.path, 'identity');
    await mkdir(join(identity, 'state', 'cache'), { recursive: true });
    await mkdir(join(identity, 'state', 'spool'));
    await mkdir(join(identity, 'state', 'tmp'));
    await mkdir(join(folder.path, 'beside'));
    // As models, so that a runner that reads them says nothing of their form.
    for (const path of ['device.key', 'state/spool/result', 'state/cache/model', '../beside/model'])
      await writeFile(join(identity, path), buildDoubling(['N', 4]));
    await symlink(identity, join(folder.path, 'beside', 'link'));
    isolation = await probeIsolation({
      nodeCommand,
      denied: [identity, join(identity, 'state')],
      allowed: ['cache', 'tmp'].map((name) => join(identity, 'state', name)),
      temporaryFolder: join(identity, 'state', 'tmp'),
      isOff: false,
    });
  });
  after(() => folder[Symbol.asyncDispose]());

  const open = async (path: string): Promise<string> => {
    const { signal } = new AbortController();
    await using runner = await startRunner({ nodeCommand, affinity: [], signal, isolation });
    const options = { threads: 1, providerOptions: {}, dimensions: {}, batch: 1 };
    return await runner
      .request({ kind: 'open', backend: 'onnxruntime-cpu', variantPath: path, ...options })
      .then(
        () => 'opened',
        (thrown: unknown) => QfleetError.from(thrown).message,
      );
  };

  it('reads models, and neither the device’s key nor unsent results', { skip: needs(1) }, async () => {
    assert.equal(await open(join(identity, 'state/cache/model')), 'opened');
    assert.equal(await open(join(folder.path, 'beside/model')), 'opened');
    for (const path of [
      join(identity, 'device.key'),
      join(identity, 'state/spool/result'),
      join(folder.path, 'beside/link/device.key'),
    ])
      assert.match(await open(path), /error number 13\b/, path);
  });

  it('has temporary files of its own, also where the identity lies among everybody’s', {
    skip: needs(1),
  }, async () => {
    // The probe of a backend that computes writes models into the temporary folder.
    const backends = await probeBackends({
      nodeCommand,
      only: ['onnxruntime-cpu'],
      signal: new AbortController().signal,
      isolation,
    });
    assert.deepEqual(
      backends.map(({ reason }) => reason),
      [''],
    );
  });

  const attempt = async (script: string): Promise<string> => {
    const [file, ...args] = isolateCommand([process.execPath, '-e', script], isolation);
    return (await promisify(execFile)(file!, args)).stdout.trim();
  };

  it('reaches no TCP port', { skip: needs(4) }, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const script = `require('net').connect(${port}, '127.0.0.1').on('connect', () => { console.log('connected'); process.exit() }).on('error', (e) => console.log(e.code))`;
    assert.match(await attempt(script), /^(EACCES|ENETUNREACH|ECONNREFUSED)$/);
    server.close();
  });

  it('sends no signal to its agent and reaches no abstract socket', { skip: needs(6) }, async () => {
    const name = `qfleet-isolation-${process.pid}`;
    const server = createServer().listen(`\0${name}`);
    await once(server, 'listening');
    const script = `try { process.kill(${process.pid}, 0); console.log('signalled') } catch (e) { console.log(e.code) }
      require('net').connect('\\0${name}').on('connect', () => { console.log('connected'); process.exit() }).on('error', (e) => console.log(e.code))`;
    assert.match(await attempt(script), /^EPERM\n(EPERM|ECONNREFUSED)$/);
    server.close();
  });
});

describe('isolation that is not to be had', () => {
  it('leaves the command as it is and says why', () => {
    const none = noIsolation('switched off');
    assert.deepEqual(isolateCommand(['node', 'x'], none), ['node', 'x']);
    assert.equal(describeIsolation(none)[0], 'identity out of reach: no: switched off');
  });
});
