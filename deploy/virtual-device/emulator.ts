import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { VirtualBoard } from './board.ts';
import { fetchPackages } from './fetch-packages.ts';

type Architecture = VirtualBoard['architecture'];

interface EmulatorKind {
  readonly name: string;
  /** Major versions that emulate a board as it is: from the first, below the second. */
  readonly since: number;
  readonly before: number;
  /** Where Debian has a static one of such a version. */
  readonly source: { readonly suite: string; readonly package: string; readonly program: string };
}

/**
 * What emulates an architecture. From 8 on, qemu-aarch64 answers /proc/cpuinfo by itself, with the host's number of
 * processors and without the board's lines. Before 9, qemu-x86_64 delivers signals on a misaligned stack, of which Node
 * dies as soon as a child process ends.
 */
const emulators: Readonly<Record<Architecture, EmulatorKind>> = {
  arm64: {
    name: 'qemu-aarch64',
    since: 7,
    before: 8,
    source: { suite: 'bookworm', package: 'qemu-user-static', program: 'qemu-aarch64-static' },
  },
  x64: {
    name: 'qemu-x86_64',
    since: 9,
    before: Number.POSITIVE_INFINITY,
    source: { suite: 'trixie', package: 'qemu-user', program: 'qemu-x86_64' },
  },
};

const archive = 'http://deb.debian.org/debian';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface Emulator {
  readonly path: string;
  readonly version: string;
}

/** An emulator of a version that serves: the system's, else one that was fetched before; undefined where there is none. */
export function findEmulator(architecture: Architecture, folder: string): Emulator | undefined {
  const { name, since, before } = emulators[architecture];
  const candidates = [
    ...[`${name}-static`, name].flatMap((program) => findOnPath(program) ?? []),
    fetchedPath(architecture, folder),
  ];
  return candidates
    .filter((path) => existsSync(path))
    .map((path) => ({ path, version: versionOf(path) }))
    .find(({ version }) => {
      const major = Number.parseInt(version, 10);
      return major >= since && major < before;
    });
}

/** Why no emulator of the architecture can be had here, with what to do about it; undefined where one can. */
export function whyNoEmulator(architecture: Architecture, folder: string): string | undefined {
  if (findEmulator(architecture, folder)) return undefined;
  const missing = ['apt-get', 'dpkg-deb'].filter((tool) => !findOnPath(tool));
  if (missing.length === 0 && existsSync(keyring)) return undefined;
  return `${describe(emulators[architecture])} is not installed; on Debian and Ubuntu: sudo apt install debian-archive-keyring, with which it is fetched`;
}

/** The emulator of the architecture; fetched from Debian, 70 MB once, where the system has none that serves. */
export function ensureEmulator(
  architecture: Architecture,
  folder: string,
  say: (line: string) => void,
): Emulator {
  const found = findEmulator(architecture, folder);
  if (found) return found;
  const { source } = emulators[architecture];
  say(`getting ${source.package} from Debian, once: ${describe(emulators[architecture])} is needed`);
  const path = fetchedPath(architecture, folder);
  const partial = join(folder, `emulator.partial-${process.pid}`);
  try {
    fetchPackages({
      packages: [source.package],
      into: join(partial, 'package'),
      work: join(partial, 'apt'),
      source: `deb [signed-by=${keyring}] ${archive} ${source.suite} main`,
    });
    mkdirSync(join(folder, 'emulator'), { recursive: true });
    renameSync(join(partial, 'package/usr/bin', source.program), path);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return { path, version: versionOf(path) };
}

function describe({ name, since, before }: EmulatorKind): string {
  return `${name} of version ${Number.isFinite(before) ? since : `${since} or later`}`;
}

function fetchedPath(architecture: Architecture, folder: string): string {
  return join(folder, 'emulator', emulators[architecture].name);
}

function versionOf(path: string): string {
  const said = execFileSync(path, ['--version'], { encoding: 'utf8' });
  return /version (\S+)/.exec(said)?.[1] ?? '0';
}

/** The first program of that name on the path. */
export function findOnPath(tool: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((path) => join(path, tool)).find((path) => existsSync(path));
}
