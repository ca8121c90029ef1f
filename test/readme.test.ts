import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { corruptSample, sampleModel, writeGlyphs } from './support/glyph-data.ts';
import { projectFolder } from './support/project-folder.ts';

/**
 * The README's steps in their order, as they stand there, in a fresh clone with nothing installed. What differs from
 * a user's machine is all here:
 * - `npm` links this checkout's packages instead of fetching the same ones from the registry;
 * - `ssh` runs the command in another folder of this machine, the board's home;
 * - `lab-server.local` is 127.0.0.1, and ports are free ones;
 * - the user's model and images are the sample network and drawn glyphs; torch.onnx.export and numpy.savez are
 *   replaced by an ONNX file and an .npz of the same names;
 * - runs are as short as their flags allow, on one backend; the second one only evaluates, on its own device.
 */
const shorter = '--no-probe --profile rapid --launches 1 --duration 20 --limit 20 --no-counters';

interface Block {
  readonly language: string;
  readonly text: string;
}

const blocks: Block[] = [
  ...readFileSync(join(projectFolder, 'README.md'), 'utf8').matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm),
].map(([, language = '', text = '']) => ({ language, text }));

test('the steps of the README work, in their order, in a fresh clone', { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-readme-'));
  const user = new User(folder, await findFreePort());
  try {
    makeClone(user.clone);
    makeStubs(folder);
    await makeFiles(user.clone);
    const scripts = blocks.filter(({ language, text }) => language === '' && /^\.\/qfleet/.test(text));
    const find = (needle: string): string => scripts.find(({ text }) => text.includes(needle))?.text ?? '';
    const steps = ['qfleet doctor', 'device add here', 'device add pi3', 'model add mnist-8'].map(find);
    const pytorch = find('model add net');
    assert.deepEqual(
      [...steps, pytorch],
      scripts.map(({ text }) => text),
      'every block of commands is tried, in the order in which they stand',
    );
    for (const step of steps) await user.does(step);
    assert.deepEqual(user.connected(), ['here', 'pi3']);
    assert.match(user.said(), /int8-per-tensor[\s\S]*onnxruntime-cpu/);

    const python = blocks.find(({ language }) => language === 'python')?.text ?? '';
    assert.match(python, /"net\.onnx"[\s\S]*"images\.npz"/, 'what the test makes in its place');
    copyFileSync(
      variantPath(user, 'mnist-8', 'int8-per-channel'),
      join(user.clone, 'quantized-elsewhere.onnx'),
    );
    await user.does(pytorch);
    assert.deepEqual(user.connected(), ['here', 'laptop', 'pi3']);
    assert.match(user.said(), /quantized-elsewhere/);

    const policy = blocks.find(({ language }) => language === 'yaml')?.text ?? '';
    writeFileSync(join(user.clone, 'policy.yaml'), policy);
    await user.does('./qfleet gate latest --policy policy.yaml --base latest || [ $? = 6 ]');

    const added = execFileSync('git', ['add', '-A', '--dry-run'], { cwd: user.clone, encoding: 'utf8' });
    assert.doesNotMatch(added, /devices|node_modules|\.qfleet/, 'neither keys nor data are committed');
  } finally {
    await user.leave();
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Somebody at a shell in the clone. */
class User {
  readonly clone: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #groups: number[] = [];
  #said = '';

  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.clone = join(folder, 'qfleet');
    this.#port = port;
  }

  /** Runs a block as a script; what it starts in the background goes on. Fails with what it said. */
  async does(block: string): Promise<void> {
    const log = join(this.#folder, 'said');
    const out = openSync(log, 'w');
    const script = spawn('bash', ['-euo', 'pipefail', '-c', this.#adapt(block)], {
      cwd: this.clone,
      env: this.#env(),
      stdio: ['ignore', out, out],
      detached: true,
    });
    closeSync(out);
    this.#groups.push(script.pid!);
    const [code] = await once(script, 'exit');
    this.#said = readFileSync(log, 'utf8');
    assert.equal(code, 0, `${block}\nsaid:\n${this.#said}`);
  }

  /** All that the last block said. */
  said(): string {
    return this.#said;
  }

  /** The command's output, parsed. */
  // biome-ignore lint/suspicious/noExplicitAny: tests know what they ask for
  asks(...args: readonly string[]): any {
    return JSON.parse(
      execFileSync(join(this.clone, 'qfleet'), [...args, '-o', 'json'], {
        cwd: this.clone,
        env: this.#env(),
        encoding: 'utf8',
      }),
    );
  }

  /** Names of the devices that are connected, in order. */
  connected(): string[] {
    const devices: { name: string; connected: boolean }[] = this.asks('device', 'ls');
    return devices.filter(({ connected }) => connected).map(({ name }) => name);
  }

  async leave(): Promise<void> {
    await this.does('./qfleet down').catch(() => undefined);
    for (const group of this.#groups) {
      try {
        process.kill(-group, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  }

  #adapt(block: string): string {
    return block
      .replaceAll(/^(\.\/qfleet up .*?)$/gm, '$1 --port 0')
      .replace(/up --detach --port 0$/m, `up --detach --port 0 --listen 127.0.0.1:${this.#port}`)
      .replaceAll('0.0.0.0:7443', `0.0.0.0:${this.#port}`)
      .replaceAll('lab-server.local', '127.0.0.1')
      .replaceAll(/^(\.\/qfleet run create .*?)$/gm, `$1 ${shorter}`)
      .replace(/--dataset images --wait/, '$& --devices laptop --no-timing');
  }

  #env(): NodeJS.ProcessEnv {
    return {
      PATH: `${join(this.#folder, 'bin')}:${process.env['PATH']}`,
      HOME: join(this.#folder, 'home'),
      BOARD: join(this.#folder, 'board'),
      // What is compiled for this test need not be kept for others.
      NODE_COMPILE_CACHE: join(this.#folder, 'compiled'),
      NO_COLOR: '1',
      QFLEET_AGENT_BACKENDS: 'onnxruntime-cpu',
      QFLEET_AGENT_LOCK_NAME: basename(this.#folder),
    };
  }
}

/** The files of this checkout that git knows of, as they are now, committed. */
function makeClone(clone: string): void {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', args, { cwd: projectFolder, encoding: 'utf8' })
    .split('\0')
    .filter(Boolean);
  // Some may have been deleted or renamed and not committed yet.
  for (const file of files.filter((file) => existsSync(join(projectFolder, file)))) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    cpSync(join(projectFolder, file), join(clone, file));
  }
  const git = (...args: string[]): void => void execFileSync('git', args, { cwd: clone });
  git('init', '-q');
  git('add', '-A');
  git('-c', 'user.name=readme', '-c', 'user.email=readme@localhost', 'commit', '-qm', 'clone');
}

function makeStubs(folder: string): void {
  const modules = join(projectFolder, 'node_modules');
  for (const name of ['bin', 'home', 'board']) mkdirSync(join(folder, name));
  const links = readdirSync(modules)
    .filter((name) => name === '.bin' || !(name.startsWith('.') || name === '@qfleet'))
    .map((name) => `ln -s '${join(modules, name)}' node_modules/`);
  const own = ['shared', 'coordinator', 'agent'].map((name) => `ln -s ../../${name} node_modules/@qfleet/`);
  const npm = ['[ "$1" = ci ]', 'mkdir -p node_modules/@qfleet', ...links, ...own];
  const ssh = [
    '[ "$1" = -n ] && shift',
    '[ "$1" = pi@raspberrypi.local ]',
    'shift',
    'cd "$BOARD"',
    'exec sh -c "$*"',
  ];
  for (const [name, lines] of Object.entries({ npm, ssh })) {
    const path = join(folder, 'bin', name);
    writeFileSync(path, `#!/bin/sh\n${name === 'npm' ? 'set -e\n' : ''}${lines.join('\n')}\n`);
    chmodSync(path, 0o755);
  }
}

/** What the user has: a model and images of his own, and what PyTorch made of another. */
async function makeFiles(clone: string): Promise<void> {
  copyFileSync(sampleModel, join(clone, 'mnist-8.onnx'));
  mkdirSync(join(clone, 'mnist-t10k'));
  await writeGlyphs(join(clone, 'images.npz'), { count: 160 });
  const { makeGlyphSet } = await import('../coordinator/src/sample/make-glyph-set.ts');
  const count = 540;
  const set = makeGlyphSet({ seed: 5, count });
  const idx = (type: number[], sizes: number[], data: Uint8Array): Buffer => {
    const header = Buffer.alloc(4 + 4 * sizes.length);
    header.set(type);
    sizes.forEach((size, i) => void header.writeUInt32BE(size, 4 + 4 * i));
    return Buffer.concat([header, data]);
  };
  const images = idx([0, 0, 8, 3], [count, set.height, set.width], set.images);
  writeFileSync(join(clone, 'mnist-t10k/t10k-images-idx3-ubyte'), images);
  const labels = idx([0, 0, 8, 1], [count], Uint8Array.from(set.labels));
  writeFileSync(join(clone, 'mnist-t10k/t10k-labels-idx1-ubyte'), labels);
  writeFileSync(
    join(clone, 'net.onnx'),
    corruptSample((weight) => weight + 0.01),
  );
}

function variantPath(user: User, model: string, name: string): string {
  const variants: { name: string; digest: string }[] = user.asks('variant', 'ls', model);
  const { digest } = variants.find((variant) => variant.name === name)!;
  return join(user.clone, '.qfleet/blobs/sha256', digest.slice(0, 2), digest);
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
