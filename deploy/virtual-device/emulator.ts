import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { VirtualBoard } from './board.ts';
import { fetchPackages } from './fetch-packages.ts';

type Architecture = VirtualBoard['architecture'];

/**
 * What emulates an architecture, and since which version it does. Before 9, qemu-x86_64 delivers signals on a
 * misaligned stack, of which Node dies as soon as a child process ends.
 */
const emulators: Readonly<Record<Architecture, { readonly name: string; readonly since: number }>> = {
  arm64: { name: 'qemu-aarch64', since: 7 },
  x64: { name: 'qemu-x86_64', since: 9 },
};

/** Where a static qemu-user of version 10 comes from. */
const source = { suite: 'trixie', package: 'qemu-user', uri: 'http://deb.debian.org/debian' };
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface Emulator {
  readonly path: string;
  readonly version: string;
}

/** An emulator that is new enough: the system's, else one that was fetched before; undefined where there is none. */
export function findEmulator(architecture: Architecture, folder: string): Emulator | undefined {
  const { name, since } = emulators[architecture];
  const candidates = [
    ...[`${name}-static`, name].flatMap((program) => findOnPath(program) ?? []),
    fetchedPath(architecture, folder),
  ];
  return candidates
    .filter((path) => existsSync(path))
    .map((path) => ({ path, version: versionOf(path) }))
    .find(({ version }) => Number.parseInt(version, 10) >= since);
}

/** Why no emulator of the architecture can be had here, with what to do about it; undefined where one can. */
export function whyNoEmulator(architecture: Architecture, folder: string): string | undefined {
  if (findEmulator(architecture, folder)) return undefined;
  const { name, since } = emulators[architecture];
  const missing = ['apt-get', 'dpkg-deb'].filter((tool) => !findOnPath(tool));
  if (missing.length === 0 && existsSync(keyring)) return undefined;
  return `${name}-static of version ${since} or later is not installed; on Debian and Ubuntu: sudo apt install qemu-user-static, or debian-archive-keyring, with which it is fetched`;
}

/** The emulator of the architecture; fetched from Debian, 70 MB once, where the system has none that is new enough. */
export function ensureEmulator(
  architecture: Architecture,
  folder: string,
  say: (line: string) => void,
): Emulator {
  const found = findEmulator(architecture, folder);
  if (found) return found;
  const { name, since } = emulators[architecture];
  say(`getting ${source.package} from Debian, once: ${name} of version ${since} or later is needed`);
  const path = fetchedPath(architecture, folder);
  const partial = join(folder, `emulator.partial-${process.pid}`);
  try {
    fetchPackages({
      packages: [source.package],
      into: join(partial, 'package'),
      work: join(partial, 'apt'),
      source: `deb [signed-by=${keyring}] ${source.uri} ${source.suite} main`,
    });
    mkdirSync(join(folder, 'emulator'), { recursive: true });
    renameSync(join(partial, 'package/usr/bin', name), path);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return { path, version: versionOf(path) };
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
