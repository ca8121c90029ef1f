import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrorCode, QfleetError } from '@qfleet/shared/errors.ts';
import { isProcessAlive } from '@qfleet/shared/process/is-process-alive.ts';
import type * as z from 'zod';
import { errorBodySchema } from '../api/send-error.ts';
import { type Operator, readOperatorFile } from '../main/operator-file.ts';
import { readPidFile } from '../main/pid-file.ts';
import { resolveDataDir } from '../main/resolve-data-dir.ts';
import type { CliContext, GlobalOptions } from './cli-context.ts';
import { readServerEvents, type ServerEvent } from './read-server-events.ts';

type Address = Pick<Operator, 'url' | 'token'>;

/** Pause before a broken event stream is opened again, milliseconds. */
const reconnectMs = 1000;

/** How long a coordinator that went away may take to come back while its events are followed, milliseconds. */
const patienceMs = 120_000;

/** How to wait for a coordinator that is away: it has two minutes from its first silence on, then `no-coordinator` is thrown. */
export interface Patience {
  readonly signal: AbortSignal;
  /** Called once for every time that it is found to be away. */
  readonly onAway?: () => void;
}

interface EventStream extends AsyncDisposable {
  readonly body: AsyncIterable<Uint8Array>;
}

/** Finds the coordinator: `QFLEET_URL` with `QFLEET_TOKEN` or `QFLEET_TOKEN_FILE`, else operator.json in the data folder. Throws `no-coordinator`. */
export async function connectToCoordinator(
  context: Pick<CliContext, 'env' | 'cwd'>,
  options: GlobalOptions,
): Promise<ApiClient> {
  const find = (): Promise<Address> => findCoordinator(context, options);
  return new ApiClient(find, await findPatiently(context, options, find));
}

/** How long a coordinator may take to be there that was started just before the command, milliseconds. */
const arrivalMs = 2000;

/** How long one that is seen to be starting may take until it answers, milliseconds: a large database is brought up to date. */
const startMs = 60_000;

const lookMs = 100;

/** As `find`, and waits a little for a coordinator that is just starting: `qfleet up & qfleet model ls`. */
async function findPatiently(
  { env, cwd }: Pick<CliContext, 'env' | 'cwd'>,
  options: GlobalOptions,
  find: () => Promise<Address>,
): Promise<Address> {
  const sinceMs = performance.now();
  for (;;) {
    try {
      return await find();
    } catch (thrown) {
      if (!(thrown instanceof QfleetError) || thrown.code !== 'no-coordinator') throw thrown;
      const dataDir = resolveDataDir({ flag: options.data, env, cwd });
      const isStarting = readPidFile(dataDir).state === 'alive';
      if (performance.now() - sinceMs > (isStarting ? startMs : arrivalMs)) throw thrown;
    }
    await sleep(lookMs);
  }
}

async function findCoordinator(
  { env, cwd }: Pick<CliContext, 'env' | 'cwd'>,
  options: GlobalOptions,
): Promise<Address> {
  const url = env['QFLEET_URL'];
  if (url && options.data === undefined) return { url, token: await readToken(env) };
  const dataDir = resolveDataDir({ flag: options.data, env, cwd });
  const operator = await readOperatorFile(dataDir);
  if (operator && !isLeftOver(operator, dataDir)) return operator;
  throw new QfleetError('no-coordinator', `No coordinator runs on ${dataDir}.`, {
    hint: 'Start one in another terminal with `./qfleet up`, or name its data folder with --data DIR.',
  });
}

/** Whether a coordinator was killed and left its file, which must not hide one that is starting after it. */
function isLeftOver({ pid }: Pick<Operator, 'pid'>, dataDir: string): boolean {
  const running = readPidFile(dataDir);
  if (running.state === 'none') return false;
  return running.state === 'ended' ? !isProcessAlive(pid) : running.pid !== pid;
}

async function readToken(env: NodeJS.ProcessEnv): Promise<string> {
  const file = env['QFLEET_TOKEN_FILE'];
  const token = env['QFLEET_TOKEN'] ?? (file ? (await readFile(file, 'utf8')).trim() : undefined);
  if (token) return token;
  throw new QfleetError('configuration', 'QFLEET_URL is set, but no token.', {
    hint: 'Set QFLEET_TOKEN_FILE to a file that holds the token of the coordinator’s operator.json.',
  });
}

/** Talks to the operators' API. Refusals come back as the QfleetError they were; no answer is `no-coordinator`. */
export class ApiClient {
  readonly #find: () => Promise<Address>;
  #address: Address;

  constructor(find: () => Promise<Address>, address: Address) {
    this.#find = find;
    this.#address = address;
  }

  get url(): string {
    return this.#address.url;
  }

  get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.#json('GET', path, schema, undefined);
  }

  post<T>(path: string, schema: z.ZodType<T>, body: unknown = {}): Promise<T> {
    return this.#json('POST', path, schema, body);
  }

  delete<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.#json('DELETE', path, schema, undefined);
  }

  async getText(path: string): Promise<string> {
    return (await this.#fetch('GET', path, undefined, {})).text();
  }

  async getBytes(path: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#fetch('GET', path, undefined, {})).arrayBuffer());
  }

  /** As `get`, and waits for a coordinator that is away; see `Patience`. */
  getPatiently<T>(path: string, schema: z.ZodType<T>, patience: Patience): Promise<T> {
    return this.#patiently(() => this.get(path, schema), patience);
  }

  /**
   * Events of a subject from the first on, for ever: a broken stream is taken up after the last event seen, also when
   * the coordinator restarts at another port meanwhile. Every connection begins with an event `stream.opened` of our
   * own, at which the reader has to look at the state itself: a coordinator that is killed between a change and the
   * event of it never tells of it.
   */
  async *events(subject: string, patience: Patience): AsyncGenerator<ServerEvent> {
    const { signal } = patience;
    const path = `/v1/events?subject=${encodeURIComponent(subject)}`;
    let last = 0;
    while (!signal.aborted) {
      try {
        await using stream = await this.#patiently(() => this.#openStream(path, last, signal), patience);
        yield { kind: 'stream.opened', seq: last, atMs: Date.now(), subject, data: null };
        for await (const event of readServerEvents(stream.body)) {
          last = event.seq;
          yield event;
        }
      } catch (thrown) {
        if (signal.aborted) return;
        if (!(thrown instanceof TypeError)) throw thrown;
      }
      await this.#comeBack(signal);
    }
  }

  /** Disposing closes the connection, which would else keep the process from ending. */
  async #openStream(path: string, last: number, signal: AbortSignal): Promise<EventStream> {
    const closing = new AbortController();
    const either = AbortSignal.any([signal, closing.signal]);
    const response = await this.#fetch('GET', path, undefined, { 'last-event-id': String(last) }, either);
    const body = response.body ?? new ReadableStream<Uint8Array>();
    return { body, [Symbol.asyncDispose]: async () => closing.abort() };
  }

  async #patiently<T>(work: () => Promise<T>, { signal, onAway }: Patience): Promise<T> {
    let awaySinceMs: number | undefined;
    for (;;) {
      try {
        return await work();
      } catch (thrown) {
        if (signal.aborted || !isPassing(thrown)) throw thrown;
        if (awaySinceMs === undefined) onAway?.();
        awaySinceMs ??= performance.now();
        if (performance.now() - awaySinceMs > patienceMs) throw thrown;
      }
      await this.#comeBack(signal);
    }
  }

  async #comeBack(signal: AbortSignal): Promise<void> {
    await sleep(reconnectMs, undefined, { signal }).catch(() => undefined);
    this.#address = await this.#find().catch(() => this.#address);
  }

  async #json<T>(method: string, path: string, schema: z.ZodType<T>, body: unknown): Promise<T> {
    const response = await this.#fetch(method, path, body, {});
    return schema.parse(await response.json());
  }

  async #fetch(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Response> {
    const { url, token } = this.#address;
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    }).catch((cause: unknown) => {
      throw new QfleetError('no-coordinator', `The coordinator at ${url} does not answer.`, {
        hint: 'It may have been killed: start it again with `./qfleet up`.',
        cause,
      });
    });
    if (!response.ok) throw await readError(response);
    return response;
  }
}

/** Whether trying again may help: the coordinator is away, or the stream broke in the middle. */
function isPassing(thrown: unknown): boolean {
  if (thrown instanceof QfleetError) {
    return ['no-coordinator', 'unavailable', 'unauthenticated'].includes(thrown.code);
  }
  return thrown instanceof TypeError;
}

async function readError(response: Response): Promise<QfleetError> {
  const parsed = errorBodySchema.safeParse(await response.json().catch(() => undefined));
  if (!parsed.success) {
    const hint = 'Something else may listen there: check the address.';
    return new QfleetError('unavailable', `${response.url} answered ${response.status} without a reason.`, {
      hint,
    });
  }
  const { code, message, hint } = parsed.data.error;
  return new QfleetError(isErrorCode(code) ? code : 'internal', message, hint === undefined ? {} : { hint });
}
