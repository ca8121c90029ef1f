import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { VirtualBoard } from './board.ts';
import { fetchPackages } from './fetch-packages.ts';

/** The Node that a board runs: the same version as the checkout pins for that architecture. */
const nodeVersion = '24.21.0';
/** What Node and ONNX Runtime need of a system, as Debian packages. */
const systemPackages = ['libc6', 'libgcc-s1', 'libstdc++6'];

export interface Sysroot {
  /** What qemu's `-L` points at. */
  readonly root: string;
  /** The arm64 Node inside it. */
  readonly node: string;
}

/** What an architecture is called where its parts come from. */
const architectures = {
  arm64: { debian: 'arm64', loader: 'lib/ld-linux-aarch64.so.1', libraries: 'aarch64-linux-gnu' },
  x64: { debian: 'amd64', loader: 'lib64/ld-linux-x86-64.so.2', libraries: 'x86_64-linux-gnu' },
} as const;

/**
 * Makes, or finds in `folder`, the file tree of an emulated board: Node from npm, the C and C++ libraries from
 * Debian, and the board's own cpuinfo, without which ONNX Runtime's processor detection meets the host's and
 * crashes. About 150 MB for each architecture, which its boards share; needs the registries once.
 */
export function ensureSysroot(board: VirtualBoard, folder: string, say: (line: string) => void): Sysroot {
  const base = ensureBase(board.architecture, folder, say);
  const root = join(folder, board.id);
  return make(root, (partial) => {
    // Hard links: a board adds only its own files.
    run('cp', ['-al', `${base}/.`, partial], folder);
    rmSync(join(partial, '.complete'));
    addBoardFiles(board, partial);
  });
}

/** True where making the board needs nothing from the registries any more. */
export function hasBase({ architecture }: VirtualBoard, folder: string): boolean {
  return existsSync(join(folder, `base-${architecture}`, '.complete'));
}

function ensureBase(
  architecture: VirtualBoard['architecture'],
  folder: string,
  say: (line: string) => void,
): string {
  const { debian } = architectures[architecture];
  return make(join(folder, `base-${architecture}`), (partial) => {
    say(
      `getting Node ${nodeVersion} from npm and ${systemPackages.join(', ')} (${debian}) from Debian, once`,
    );
    addNode(partial, `node-linux-${architecture}@${nodeVersion}`);
    addLibraries(partial, architectures[architecture]);
  }).root;
}

/** Fills a folder aside and puts it in place when it is whole: whoever is interrupted or runs beside does no harm. */
function make(root: string, fill: (partial: string) => void): Sysroot {
  const sysroot = { root, node: join(root, 'opt/node/bin/node') };
  if (existsSync(join(root, '.complete'))) return sysroot;
  const partial = `${root}.partial-${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  fill(partial);
  writeFileSync(join(partial, '.complete'), '');
  rmSync(root, { recursive: true, force: true });
  renameSync(partial, root);
  return sysroot;
}

function addNode(root: string, nodePackage: string): void {
  const target = join(root, 'opt/node');
  mkdirSync(target, { recursive: true });
  run('npm', ['pack', nodePackage, '--silent', '--pack-destination', root], root);
  const tarball = readdirSync(root).find((name) => name.endsWith('.tgz'));
  if (!tarball) throw new Error(`npm pack ${nodePackage} left no tarball`);
  run('tar', ['-xzf', join(root, tarball), '-C', target, '--strip-components=1'], root);
  rmSync(join(root, tarball));
}

function addLibraries(
  root: string,
  { debian, loader, libraries }: (typeof architectures)[VirtualBoard['architecture']],
): void {
  fetchPackages({
    packages: systemPackages,
    into: root,
    work: join(root, 'apt'),
    architecture: debian,
  });
  if (!existsSync(join(root, loader))) {
    mkdirSync(dirname(join(root, loader)), { recursive: true });
    symlinkSync(join('..', 'lib', libraries, basename(loader)), join(root, loader));
  }
}

function addBoardFiles(board: VirtualBoard, root: string): void {
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const blocks = Array.from({ length: board.processors }, (_, i) => `processor\t: ${i}\n${board.cpuinfo}\n`);
  write('proc/cpuinfo', `${blocks.join('\n')}\n${board.cpuinfoTail}`);
  write(
    'proc/meminfo',
    `MemTotal: ${board.memoryKiB} kB\nMemFree: ${board.memoryKiB} kB\nMemAvailable: ${board.memoryKiB} kB\n`,
  );
  if (board.compatible.length > 0) {
    for (const tree of ['proc/device-tree', 'sys/firmware/devicetree/base']) {
      write(`${tree}/model`, `${board.model}\0`);
      write(`${tree}/compatible`, board.compatible.map((entry) => `${entry}\0`).join(''));
    }
  }
  for (const name of ['possible', 'present', 'online'])
    write(`sys/devices/system/cpu/${name}`, `0-${board.processors - 1}\n`);
}

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'], timeout: 300_000 });
}
