import { hostname, release, type } from 'node:os';
import { readText } from './read-text.ts';

/** The operating system's facts. */
export interface OsFacts {
  readonly hostname: string;
  /** `Debian GNU/Linux 12 (bookworm)`. */
  readonly os: string;
  /** `6.1.21-v8+`. */
  readonly kernel: string;
  /** `glibc 2.36` or `musl`; absent where neither is found. */
  readonly libc?: string;
}

/** Reads os-release and the kernel's own files under `root`, and asks Node for what they do not tell. */
export async function readOs(root: string): Promise<OsFacts> {
  const osRelease = (await readText(root, 'etc/os-release')) ?? (await readText(root, 'usr/lib/os-release'));
  const prettyName = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease ?? '')?.[1];
  const libc = readLibc();
  return {
    hostname: (await readText(root, 'proc/sys/kernel/hostname')) ?? hostname(),
    os: prettyName || type(),
    kernel: (await readKernel(root)) ?? release(),
    ...(libc !== undefined && { libc }),
  };
}

async function readKernel(root: string): Promise<string | undefined> {
  const version = await readText(root, 'proc/version');
  return (
    (await readText(root, 'proc/sys/kernel/osrelease')) ?? /^Linux version (\S+)/.exec(version ?? '')?.[1]
  );
}

/** `excludeNetwork` is Node's since 22.13; the types do not have it yet. */
type NodeReport = NodeJS.ProcessReport & { excludeNetwork?: boolean };

/** The library that this process runs on, from Node's own report; the network part is left out, it is slow. */
function readLibc(): string | undefined {
  const report: NodeReport | undefined = process.report;
  if (process.platform !== 'linux' || !report) return undefined;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime ? `glibc ${header.glibcVersionRuntime}` : 'musl';
}
