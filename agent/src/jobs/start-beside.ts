import type {
  OfferedLoad,
  PoolSource,
  RunnerRequest,
  StageLimits,
  VariantRequest,
} from '../runner/protocol.ts';
import type { JobContext } from './job-context.ts';

/** What is to run beside a timed variant. */
export interface BesideOptions {
  readonly context: Pick<JobContext, 'startRunner' | 'onProgress'>;
  readonly companions: readonly { readonly name: string; readonly request: VariantRequest }[];
  readonly backgroundProcesses: number;
  readonly inputs: PoolSource;
  readonly load: OfferedLoad;
  readonly maxWarmupSamples: number;
  /** Of a companion's way to its work. */
  readonly limits: StageLimits;
}

/** What runs beside; disposing ends it. */
export interface Beside extends AsyncDisposable {
  /** Throws what a companion died of: what was timed since then was timed under another load. */
  throwIfFailed(): void;
}

/**
 * Starts companions and background load, each a process of its own, and comes back when all of them are at work.
 * They are not pinned: they compete for processors as the system lets them.
 */
export async function startBeside(options: BesideOptions): Promise<Beside> {
  const { context, companions, backgroundProcesses, inputs, load, maxWarmupSamples, limits } = options;
  const processes = new AsyncDisposableStack();
  let failure: unknown;
  let isEnding = false;
  const start = async (request: RunnerRequest): Promise<void> => {
    const runner = processes.use(await context.startRunner([]));
    await new Promise<void>((resolve, reject) => {
      runner.request(request, { onProgress: () => resolve(), limits }).catch((thrown: unknown) => {
        if (!isEnding) failure = thrown;
        reject(thrown);
      });
    });
  };
  try {
    for (const { name, request } of companions) {
      context.onProgress(`starting ${name} beside`, 0.1);
      await start({ ...request, kind: 'serve', inputs, load, maxWarmupSamples });
    }
    for (let i = 0; i < backgroundProcesses; i++) await start({ kind: 'burn' });
  } catch (thrown) {
    isEnding = true;
    await processes.disposeAsync();
    throw thrown;
  }
  return {
    throwIfFailed: () => {
      if (failure !== undefined) throw failure;
    },
    [Symbol.asyncDispose]: async () => {
      isEnding = true;
      await processes.disposeAsync();
    },
  };
}
