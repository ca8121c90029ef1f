import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ChildLimits, confineCommand } from '@qfleet/shared/child/confine-command.ts';
import { countOomKills } from '@qfleet/shared/child/count-oom-kills.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Failure } from '@qfleet/shared/result/job-result.ts';
import { isolateCommand } from '../isolation/isolate-command.ts';
import type { Isolation } from '../isolation/isolation.ts';
import { JobFailure } from '../jobs/job-failure.ts';
import { attributeToLimits } from './attribute-to-limits.ts';
import { describeExit } from './describe-exit.ts';
import type { RunnerAnswers, RunnerMessage, RunnerRequest, RunnerStage, StageLimits } from './protocol.ts';

/** A runner that was asked to leave is killed after this long. */
const graceMs = 10_000;
/** A runner that has not started by then, emulated and on a busy machine, will not. */
const startLimitMs = 120_000;
/** So much of what a runner writes to standard error is kept, for the failure's message. */
const keptErrorChars = 4000;

const runnerPath = fileURLToPath(new URL('./main.ts', import.meta.url));

export interface RunnerOptions {
  /** What starts Node: its path, or an emulator with its arguments and then Node's. */
  readonly nodeCommand: readonly string[];
  /** Processors to run on; empty: no pinning. */
  readonly affinity: readonly number[];
  readonly limits?: ChildLimits;
  /** What it must not reach; absent: it may what the agent may. */
  readonly isolation?: Isolation | undefined;
  /** Ends the runner and fails its request with the signal's reason. */
  readonly signal: AbortSignal;
}

export interface RequestOptions {
  readonly onProgress?: (fraction: number) => void;
  /**
   * How long the runner may be silent in each stage: when it is over, the runner is killed and the request fails with
   * `time-limit`. What it tells, of its progress or of a stage, starts the time anew.
   */
  readonly limits?: StageLimits;
  /** What the runner begins with. */
  readonly stage?: RunnerStage;
}

/** A running child process; disposing ends it. */
export interface Runner extends AsyncDisposable {
  /** From the start of the process until it took orders. */
  readonly spawnNs: number;
  /** Throws a `JobFailure` where the runner says so or dies, and the signal's reason where that is aborted. */
  request<R extends RunnerRequest>(request: R, options?: RequestOptions): Promise<RunnerAnswers[R['kind']]>;
}

/** Starts a runner and waits until it takes orders. */
export async function startRunner(options: RunnerOptions): Promise<Runner> {
  options.signal.throwIfAborted();
  const start = process.hrtime.bigint();
  const child = new RunnerProcess(spawnRunner(options), options);
  try {
    await child.expect('ready', { limits: { loading: startLimitMs } });
  } catch (thrown) {
    await child[Symbol.asyncDispose]();
    throw thrown;
  }
  return Object.assign(child, { spawnNs: Number(process.hrtime.bigint() - start) });
}

function spawnRunner({ nodeCommand, affinity, limits, isolation }: RunnerOptions): ChildProcess {
  // taskset and not sched_setaffinity from inside: it covers the threads that Node has started already.
  const pinning = affinity.length > 0 ? ['taskset', '-c', affinity.join(',')] : [];
  const [execPath, ...execArgv] = confineCommand(
    isolateCommand([...pinning, ...nodeCommand], isolation),
    limits,
  );
  return fork(runnerPath, [], {
    execPath,
    execArgv,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Read by ONNX Runtime when it loads: without it, it uploads telemetry.
    env: {
      ...process.env,
      ORT_DISABLE_TELEMETRY: '1',
      ...(isolation?.temporaryFolder !== undefined && { TMPDIR: isolation.temporaryFolder }),
    },
  });
}

class RunnerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal;
  readonly #limits: ChildLimits;
  readonly #oomKills = countOomKills();
  readonly #exited: Promise<void>;
  #errorText = '';

  constructor(child: ChildProcess, { signal, limits = {} }: RunnerOptions) {
    this.#child = child;
    this.#signal = signal;
    this.#limits = limits;
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
      // For as long as there is a child: an error without a listener would end the agent.
      child.on('error', () => resolve());
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-keptErrorChars);
    });
  }

  async request<R extends RunnerRequest>(
    request: R,
    options: RequestOptions = {},
  ): Promise<RunnerAnswers[R['kind']]> {
    const answer = this.expect('done', options);
    // Awaited below, unless the sending fails.
    answer.catch(() => undefined);
    this.#child.send(request);
    return (await answer) as RunnerAnswers[R['kind']];
  }

  /** Waits for one message; rejects where the runner fails, dies, takes too long, or is to be cancelled. */
  async expect(
    wanted: 'ready' | 'done',
    { onProgress, limits = {}, stage = 'loading' }: RequestOptions,
  ): Promise<unknown> {
    using ends = new DisposableStack();
    return await new Promise((resolve, reject) => {
      const silence = new SilenceTimer(limits, stage, (failure) => {
        this.#child.kill('SIGKILL');
        reject(new JobFailure(failure));
      });
      ends.use(silence);
      const onMessage = (message: RunnerMessage): void => {
        silence.restart(message.kind === 'stage' ? message.stage : undefined);
        if (message.kind === 'progress') onProgress?.(message.fraction);
        if (message.kind === 'failed')
          reject(new JobFailure(attributeToLimits(message.failure, this.#limits)));
        if (message.kind === wanted) resolve(message.kind === 'done' ? message.answer : undefined);
      };
      const onExit = (code: number | null, signal: NodeJS.Signals | null): void => {
        // Standard error may arrive after the exit.
        setImmediate(() => reject(new JobFailure(this.#describeExit(code, signal))));
      };
      const onError = (cause: Error): void => reject(startError(cause));
      const onAbort = (): void => reject(this.#signal.reason);
      this.#child.on('message', onMessage).once('exit', onExit).once('error', onError);
      if (this.#signal.aborted) onAbort();
      this.#signal.addEventListener('abort', onAbort, { once: true });
      ends.defer(() => this.#child.off('message', onMessage).off('exit', onExit).off('error', onError));
      ends.defer(() => this.#signal.removeEventListener('abort', onAbort));
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        onExit(this.#child.exitCode, this.#child.signalCode);
      }
    });
  }

  #describeExit(code: number | null, signal: NodeJS.Signals | null): Failure {
    const oomKills = countOomKills();
    const sawOomKill =
      oomKills === undefined || this.#oomKills === undefined ? undefined : oomKills > this.#oomKills;
    return describeExit({ code, signal, errorText: this.#errorText, limits: this.#limits, sawOomKill });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
      return;
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    await this.#exited;
    clearTimeout(timer);
  }
}

/** Calls back once a stage's time is over without a word. */
class SilenceTimer implements Disposable {
  readonly #limits: StageLimits;
  readonly #onOver: (failure: Failure) => void;
  #stage: RunnerStage;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: StageLimits, stage: RunnerStage, onOver: (failure: Failure) => void) {
    this.#limits = limits;
    this.#onOver = onOver;
    this.#stage = stage;
    this.restart();
  }

  restart(stage: RunnerStage = this.#stage): void {
    clearTimeout(this.#timer);
    this.#stage = stage;
    const limitMs = this.#limits[stage];
    if (limitMs !== undefined)
      this.#timer = setTimeout(() => this.#onOver(overtime(stage, limitMs)), limitMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

const stageNames: Readonly<Record<RunnerStage, string>> = {
  loading: 'Loading the variant',
  'first-inference': 'The first inference',
  'warm-up': 'The warm-up',
  working: 'The work after the warm-up, or one input of it,',
};

function overtime(stage: RunnerStage, limitMs: number): Failure {
  return {
    class: 'time-limit',
    message: `${stageNames[stage]} took longer than its limit of ${limitMs / 1000} s, and the runner was ended.`,
    hint: 'The model may loop, or be too large for this device.',
  };
}

function startError(cause: Error): QfleetError {
  return new QfleetError('unsupported', `The runner could not be started: ${cause.message}`, {
    hint: 'Check QFLEET_NODE_COMMAND and, where processors are pinned, that taskset (util-linux) is installed.',
    cause,
  });
}
