import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { restrictPath } from './isolate-command.ts';
import { type Isolation, noIsolation } from './isolation.ts';

const run = promisify(execFile);
const limitMs = 30_000;
/** Our own code and its packages, should they lie beneath what is denied. */
const projectFolder = fileURLToPath(new URL('../../..', import.meta.url));

export interface IsolationOptions {
  /** What starts Node for a runner. */
  readonly nodeCommand: readonly string[];
  /** Paths that runners must not reach, and folders beneath them that they may; those that are not there are left out. */
  readonly denied: readonly string[];
  readonly allowed: readonly string[];
  /** One of those, for what is temporary; absent: the system's. */
  readonly temporaryFolder?: string;
  /** Switched off by the user. */
  readonly isOff: boolean;
}

/** What isolation this machine offers for runners, tried in processes of their own. Never throws. */
export async function probeIsolation(options: IsolationOptions): Promise<Isolation> {
  if (options.isOff) return noIsolation('switched off by QFLEET_AGENT_ISOLATION');
  if (process.platform !== 'linux') return noIsolation(`not on ${process.platform}`);
  if (options.nodeCommand.join() !== process.execPath) return noIsolation('another command starts Node');
  const [abi, network] = await Promise.all([probeLandlock(), probeNetwork()]);
  return {
    landlockAbi: typeof abi === 'number' ? abi : undefined,
    whyNoLandlock: typeof abi === 'number' ? undefined : abi,
    networkCommand: typeof network === 'string' ? undefined : network,
    whyNoNetwork: typeof network === 'string' ? network : undefined,
    denied: await resolveAll(options.denied),
    temporaryFolder: typeof abi === 'number' ? options.temporaryFolder : undefined,
    allowed: await resolveAll([...options.allowed, projectFolder, process.execPath]),
  };
}

/** The ABI's version, or why there is none. */
async function probeLandlock(): Promise<number | string> {
  try {
    const { stdout } = await run(process.execPath, [restrictPath, 'probe'], { timeout: limitMs });
    const abi = JSON.parse(stdout) as number | { readonly errno: number };
    if (typeof abi === 'number') return abi;
    return `the kernel has no Landlock, or it is switched off (errno ${abi.errno})`;
  } catch (thrown) {
    return firstLine(thrown);
  }
}

/** Root may make a namespace for the network alone; others get one together with one for users, where they may. */
async function probeNetwork(): Promise<readonly string[] | string> {
  const command = process.getuid?.() === 0 ? ['unshare', '--net'] : ['unshare', '--user', '--net'];
  try {
    await run(command[0]!, [...command.slice(1), 'true'], { timeout: limitMs });
    return command;
  } catch (thrown) {
    return firstLine(thrown);
  }
}

async function resolveAll(paths: readonly string[]): Promise<string[]> {
  const resolved = await Promise.all(paths.map((path) => realpath(path).catch(() => undefined)));
  return resolved.filter((path) => path !== undefined);
}

function firstLine(thrown: unknown): string {
  const { stderr } = thrown as { readonly stderr?: string };
  const lines = (stderr?.trim() || QfleetError.from(thrown).message).split('\n');
  return (lines.find((line) => /error/i.test(line)) ?? lines[0]!).slice(0, 200);
}
