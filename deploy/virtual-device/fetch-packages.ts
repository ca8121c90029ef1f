import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface PackageOrder {
  readonly packages: readonly string[];
  /** Folder that the packages are unpacked into. */
  readonly into: string;
  /** Folder for apt's own files; removed afterwards. */
  readonly work: string;
  /** Debian's name of an architecture; absent: the machine's. */
  readonly architecture?: string;
  /** A line of sources.list; absent: the machine's own sources. */
  readonly source?: string;
}

/** Debian packages, unpacked and not installed: by a private apt root, so that the machine's own package lists stay as they are and no root rights are needed. */
export function fetchPackages({ packages, into, work, architecture, source }: PackageOrder): void {
  const debs = join(work, 'debs');
  for (const path of ['state/lists/partial', 'cache/archives/partial', 'debs'])
    mkdirSync(join(work, path), { recursive: true });
  if (source) writeFileSync(join(work, 'sources.list'), `${source}\n`);
  const options = [
    `Dir::State=${work}/state`,
    `Dir::Cache=${work}/cache`,
    'Dir::State::status=/dev/null',
    ...(source ? [`Dir::Etc::sourcelist=${work}/sources.list`, 'Dir::Etc::sourceparts=/dev/null'] : []),
    ...(architecture ? [`APT::Architecture=${architecture}`, `APT::Architectures=${architecture}`] : []),
    'APT::Sandbox::User=',
    'Acquire::Languages=none',
  ].flatMap((option) => ['-o', option]);
  const run = (command: string, args: readonly string[], cwd: string): void =>
    void execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'], timeout: 600_000 });
  run('apt-get', [...options, '-qq', 'update'], work);
  run('apt-get', [...options, '-qq', 'download', ...packages], debs);
  for (const deb of readdirSync(debs)) run('dpkg-deb', ['-x', join(debs, deb), into], work);
  rmSync(work, { recursive: true });
}
