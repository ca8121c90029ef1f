import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { confineCommand } from '@qfleet/shared/child/confine-command.ts';
import { countOomKills } from '@qfleet/shared/child/count-oom-kills.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { cleanOrtMessage } from './clean-ort-message.ts';
import type { IdleChildren } from './idle-children.ts';
import type { NoiseSums } from './noise-sums.ts';
import type {
  AdvanceRequest,
  CompareRequest,
  Feeds,
  HistogramRequest,
  OpenRequest,
  OrtAction,
  OrtReply,
  ScalarsRequest,
  SessionMetadata,
  ShiftRequest,
  StageInputsRequest,
  TensorMessage,
} from './ort-messages.ts';

export interface OrtChildOptions {
  /** Most memory that the child may allocate, bytes; by default three quarters of the machine's. */
  readonly memoryLimitBytes?: number | undefined;
  /** Most time that one request may take, milliseconds. */
  readonly timeLimitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For the files that it loads; the system's by default. */
  readonly tempDir?: string | undefined;
  /** Where a process that is no longer needed waits for the next who needs one; it is given the same limits. */
  readonly idle?: IdleChildren | undefined;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: QfleetError) => void;
  readonly timer: NodeJS.Timeout;
}

const mainSlot = 'main';
const defaultTimeLimitMs = 120_000;
/** Below this Node itself does not start, and does not say so. */
const minMemoryLimitBytes = 128 * 2 ** 20;
const entryPath = fileURLToPath(new URL('./ort-child-main.ts', import.meta.url));

/**
 * A process with ONNX Runtime sessions, one unless a request names a slot. Whatever a model does to it (SIGSEGV, SIGILL, endless loop,
 * memory) becomes an error here: `refused` with ONNX Runtime's own words, `crashed` with the signal,
 * `timeout`, `resource-exhausted`, `cancelled`. Limits: memory by `confineCommand`,
 * time by killing.
 */
export class OrtChild implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #timeLimitMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #idle: IdleChildren | undefined;
  readonly #exited: Promise<unknown>;
  readonly #oomKills = countOomKills();
  #nextId = 1;
  #stderr = '';
  #ending: QfleetError | undefined;
  readonly #onAbort = (): void => this.#kill(new QfleetError('cancelled', 'Cancelled.'));

  constructor(options: OrtChildOptions = {}) {
    this.#timeLimitMs = options.timeLimitMs ?? defaultTimeLimitMs;
    this.#signal = options.signal;
    this.#idle = options.idle;
    this.#child = startProcess(Math.max(options.memoryLimitBytes ?? totalmem() * 0.75, minMemoryLimitBytes));
    this.#exited = once(this.#child, 'close').catch(() => undefined);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    this.#child.on('message', (reply: OrtReply) => this.#settle(reply));
    this.#child.on('error', (cause) =>
      this.#end(new QfleetError('internal', 'Could not start Node.', { cause })),
    );
    this.#child.on('close', (code, signal) => this.#end(this.#describeEnd(code, signal)));
    this.#listen();
  }

  /** A process that waits for work, or a new one. */
  static take(options: OrtChildOptions = {}): OrtChild {
    const child = options.idle?.take();
    if (!child) return new OrtChild(options);
    child.#listen();
    return child;
  }

  #listen(): void {
    if (this.#signal?.aborted) this.#onAbort();
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** For signals and accounting; undefined where it did not start. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Loads a model in place of the last one in that slot; its inputs and outputs. */
  async open(
    request: Omit<OpenRequest, 'kind' | 'threads' | 'slot'> & {
      readonly threads?: number;
      readonly slot?: string;
    },
  ): Promise<SessionMetadata> {
    return (await this.#ask({ threads: 0, slot: mainSlot, ...request, kind: 'open' })) as SessionMetadata;
  }

  /** Runs an open model once; its outputs by name. */
  async run(feeds: Feeds, slot = mainSlot): Promise<Record<string, TensorMessage>> {
    return (await this.#ask({ kind: 'run', slot, feeds })) as Record<string, TensorMessage>;
  }

  /** Runs the open model once; outputs of one element each, in the order of `names`. */
  async runForScalars(request: Omit<ScalarsRequest, 'kind' | 'slot'>): Promise<Float64Array> {
    return (await this.#ask({ kind: 'scalars', slot: mainSlot, ...request })) as Float64Array;
  }

  /** Runs the open model once and counts its outputs' values; `takeHistograms` hands the counts over. */
  async addToHistograms(request: Omit<HistogramRequest, 'kind' | 'slot'>): Promise<void> {
    await this.#ask({ kind: 'histogram', slot: mainSlot, ...request });
  }

  /** Counts by tensor, of both halves. */
  async takeHistograms(): Promise<Record<string, Float64Array>[]> {
    return (await this.#ask({ kind: 'take-histograms' })) as Record<string, Float64Array>[];
  }

  /** Runs the models of two slots on the same inputs and compares tensors, one result per pair. */
  async compare(request: Omit<CompareRequest, 'kind'>): Promise<NoiseSums[]> {
    return (await this.#ask({ kind: 'compare', ...request })) as NoiseSums[];
  }

  async stageInputs(request: Omit<StageInputsRequest, 'kind'>): Promise<void> {
    await this.#ask({ kind: 'stage-inputs', ...request });
  }

  async advance(request: Omit<AdvanceRequest, 'kind'>): Promise<void> {
    await this.#ask({ kind: 'advance', ...request });
  }

  async shift(request: Omit<ShiftRequest, 'kind'>): Promise<Float32Array> {
    return (await this.#ask({ kind: 'shift', ...request })) as Float32Array;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (await this.#becomeIdle()) return;
    this.#kill(new QfleetError('cancelled', 'The process was closed.'));
    await this.#exited;
  }

  /** Only a child that is well and has nothing left to answer. */
  async #becomeIdle(): Promise<boolean> {
    if (!this.#idle || this.#ending || this.#pending.size > 0 || this.#signal?.aborted) return false;
    const isClean = await this.#ask({ kind: 'reset' }).then(
      () => true,
      () => false,
    );
    return isClean && this.#idle.keep(this);
  }

  async #ask(request: OrtAction): Promise<unknown> {
    if (this.#ending) throw this.#ending;
    const id = this.#nextId++;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#kill(timedOut(this.#timeLimitMs)), this.#timeLimitMs);
      this.#pending.set(id, { resolve, reject, timer });
      this.#child.send({ ...request, id }, (failure) => {
        // A child that is gone is explained by its end, which follows, though the channel may not know of it yet.
        const isGone = !this.#child.connected || (failure as NodeJS.ErrnoException | null)?.code === 'EPIPE';
        if (failure && !isGone) this.#kill(QfleetError.from(failure));
      });
    });
  }

  #settle(reply: OrtReply): void {
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    this.#pending.delete(reply.id);
    clearTimeout(pending.timer);
    if (reply.ok) pending.resolve(reply.value);
    else if (reply.own) pending.reject(new QfleetError(reply.own.code, reply.message, reply.own));
    else pending.reject(cleanOrtMessage(reply.message));
  }

  #describeEnd(code: number | null, signal: NodeJS.Signals | null): QfleetError {
    const [before, after] = [this.#oomKills, countOomKills()];
    const sawOomKill = before !== undefined && after !== undefined && after > before;
    return describeEnd({ code, signal, stderr: this.#stderr, sawOomKill });
  }

  #kill(reason: QfleetError): void {
    this.#end(reason);
    this.#child.kill('SIGKILL');
  }

  #end(reason: QfleetError): void {
    this.#ending ??= reason;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(this.#ending);
    }
    this.#pending.clear();
  }
}

/** It ends with this process, however busy a model keeps it. */
function startProcess(memoryBytes: number): ChildProcess {
  const [file, ...args] = confineCommand([process.execPath, entryPath], { memoryBytes });
  return spawn(file, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1', NODE_NO_WARNINGS: '1' },
  });
}

function timedOut(timeLimitMs: number): QfleetError {
  return new QfleetError('timeout', `ONNX Runtime did not finish within ${timeLimitMs / 1000} s.`, {
    hint: 'The model may be too large for this machine, or loop for ever.',
  });
}

/** A SIGKILL of ours is explained by what it was for; any other is the kernel's for lack of memory, or somebody else's. */
function describeEnd(end: {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly sawOomKill: boolean;
}): QfleetError {
  const { code, signal, stderr } = end;
  const isKilled = signal === 'SIGKILL' || signal === 'SIGTERM';
  const isOutOfMemory =
    /out of memory|bad_alloc|Cannot allocate memory|allocation failed/i.test(stderr) ||
    (signal === 'SIGKILL' && end.sawOomKill);
  if (isKilled && !isOutOfMemory) {
    return new QfleetError('crashed', `The process that ran ONNX Runtime was killed (${signal}).`, {
      hint: 'Repeat the command; see which user, service manager or out-of-memory daemon ends processes here.',
    });
  }
  const how = isOutOfMemory ? 'out of memory' : (signal ?? `exit code ${code}`);
  const lines = stderr.trim().split('\n');
  const told = (lines.find((line) => /error|fatal|terminate|memory/i.test(line)) ?? lines.at(-1))?.slice(
    0,
    300,
  );
  return new QfleetError('crashed', `refused: crashed (${how}) while ONNX Runtime had the model.`, {
    hint: isOutOfMemory
      ? 'The model needs more memory than the limit on this machine allows.'
      : 'The model makes ONNX Runtime crash: export it again, or with another opset.',
    ...(told ? { cause: new Error(told) } : {}),
  });
}
