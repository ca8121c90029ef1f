import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectFolder } from './project-folder.ts';

/** What a finished command left. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of ours that goes on in the background. */
export interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Everything it has said so far on standard error. */
  readonly said: () => string;
  /** Ends it with a signal and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

interface DeviceState {
  readonly id: string;
  readonly name: string;
  readonly connected: boolean;
}

const coordinatorCli = join(projectFolder, 'coordinator/src/cli/main.ts');
const agentCli = join(projectFolder, 'agent/src/cli/qfleet-agent.cjs');
const virtualDevice = join(projectFolder, 'deploy/virtual-device.ts');

/**
 * A laboratory in a temporary folder: the real `qfleet` and `qfleet-agent`, spawned, with real certificates
 * over loopback. Disposing of it ends every process that it started and removes the folder.
 */
export class Lab implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'qfleet-test-'));
  readonly data: string = join(this.folder, 'data');
  readonly #running: Running[] = [];
  #fleetPort = 0;

  /** `qfleet ARGS` against this laboratory's data, to its end. */
  async qfleet(...args: readonly string[]): Promise<Finished> {
    return this.run(coordinatorCli, args);
  }

  /** As `qfleet`, and fails the test with what it said where the exit code is not 0. */
  async qfleetOk(...args: readonly string[]): Promise<string> {
    const finished = await this.qfleet(...args);
    if (finished.code !== 0) {
      throw new Error(
        `qfleet ${args.join(' ')} ended with ${finished.code}:\n${finished.stdout}\n${finished.stderr}`,
      );
    }
    return finished.stdout;
  }

  /** `qfleet-agent ARGS`, to its end. */
  async agentCommand(...args: readonly string[]): Promise<Finished> {
    return this.run(agentCli, args);
  }

  /** Starts `qfleet up`; a later start uses the same port for the agents, so that they find it again. */
  async startCoordinator(...args: readonly string[]): Promise<Running> {
    const listen = ['--port', '0', '--listen', `127.0.0.1:${this.#fleetPort}`];
    const running = this.start(coordinatorCli, ['up', ...listen, ...args]);
    await until('the coordinator is up', () => running.said().includes('Next: ./qfleet device add'), running);
    this.#fleetPort = Number(/agents\s+\S+:(\d+)/.exec(running.said())?.[1]);
    return running;
  }

  /** Makes the device where it is new, starts its agent, and waits until the coordinator has it connected. */
  async startAgent(name: string, ...args: readonly string[]): Promise<Running> {
    const identity = join(this.folder, 'agents', name);
    const devices = await this.listDevices();
    if (!devices.some((device) => device.name === name))
      await this.qfleetOk('device', 'add', name, '--out', identity);
    const running = this.startAgentLater(name, ...args);
    await until(`${name} is connected`, async () => isConnected(await this.listDevices(), name), running);
    return running;
  }

  /** As `startAgent`, on an emulated board. */
  async startVirtualDevice(board: string, name: string, ...args: readonly string[]): Promise<Running> {
    const identity = join(this.folder, 'agents', name);
    await this.qfleetOk('device', 'add', name, '--out', identity);
    const running = this.start(virtualDevice, ['run', board, '--identity', identity, ...args]);
    await until(`${name} is connected`, async () => isConnected(await this.listDevices(), name), running);
    return running;
  }

  /** Starts the agent of a device that is there already, without waiting for a coordinator. */
  startAgentLater(name: string, ...args: readonly string[]): Running {
    return this.start(agentCli, ['run', '--identity', join(this.folder, 'agents', name), ...args]);
  }

  /** As `qfleet device ls` has it, of the same API: a command every tenth of a second would keep a processor busy. */
  async listDevices(): Promise<readonly DeviceState[]> {
    const { url, token } = JSON.parse(await readFile(join(this.data, 'operator.json'), 'utf8'));
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(new URL('/v1/devices', url), { headers });
    return ((await answer.json()) as { devices: DeviceState[] }).devices;
  }

  /** The report of a run, parsed; `unknown` in shape on purpose: tests say what they expect of it. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read deep into a document that has its own schema test
  async report(run = 'latest'): Promise<any> {
    return JSON.parse(await this.qfleetOk('report', run, '-o', 'json'));
  }

  async readFile(path: string): Promise<string> {
    return readFile(join(this.folder, path), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running.toReversed()) await running.stop('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async run(script: string, args: readonly string[]): Promise<Finished> {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: this.folder,
      env: this.#env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? -1, stdout, stderr };
  }

  /** Starts a script of ours that goes on in the background, with this laboratory's environment. */
  start(script: string, args: readonly string[]): Running {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: this.folder,
      env: this.#env(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill(signal);
      await gone;
    };
    const running: Running = { child, said: () => said, stop, [Symbol.asyncDispose]: () => stop('SIGKILL') };
    this.#running.push(running);
    return running;
  }

  #env(): NodeJS.ProcessEnv {
    return {
      // Agents of this laboratory need not wait for those of others on this host.
      QFLEET_AGENT_LOCK_NAME: basename(this.folder),
      ...process.env,
      QFLEET_DATA: this.data,
      NO_COLOR: '1',
      // Our programs must switch telemetry off by themselves.
      ORT_DISABLE_TELEMETRY: undefined,
    };
  }
}

/** Waits until a condition holds, looking every 100 ms; fails after two minutes with what the process said. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  running?: Running,
): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await holds())) {
    const ended = running && (running.child.exitCode !== null || running.child.signalCode !== null);
    if (ended || performance.now() > deadline) {
      throw new Error(
        `waited for "${what}" in vain${ended ? ': the process ended' : ''}\n${running?.said() ?? ''}`,
      );
    }
    await sleep(100);
  }
}

function isConnected(devices: readonly DeviceState[], name: string): boolean {
  return devices.some((device) => device.name === name && device.connected);
}
