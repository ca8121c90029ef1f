import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend, Feeds, FeedTensor, Outputs } from './backend.ts';

/** The first so many classes of the made-up output. */
const outputCount = 10;

/** What a bad kernel dies of: a wild pointer, an instruction that the processor lacks, a failed assertion. */
const crashSignals = ['SIGSEGV', 'SIGILL', 'SIGABRT'] as const;
type CrashSignal = (typeof crashSignals)[number];

/**
 * Runs nothing, so that the harness can be held against a known answer: gives ten values picked evenly from its
 * input, after spinning for as long as the model's file says in the text `qfleet.noop busy_ns=<digits>`
 * (an ONNX doc_string can carry it; without it, not at all). A file that says `qfleet.noop crash=<signal>`, one of
 * SIGSEGV, SIGILL and SIGABRT, kills its own process with that signal at the first inference. Takes any input of
 * any shape.
 */
export const backend: Backend = {
  id: 'noop',
  canProfile: false,
  computes: false,
  probe: async () => ({ available: true, version: '1', capabilities: { inference: 'none' } }),
  loadLibrary: async () => '1',
  load: async (path) => {
    const model = await readFile(path);
    const busyNs = readBusyNs(model);
    const crash = readCrash(model);
    return {
      inputs: [{ name: 'input', elementType: 'float32' }],
      outputs: [{ name: 'output', elementType: 'float32', shape: [1, outputCount] }],
      threads: 1,
      prepareFeeds: (tensors) => tensors,
      infer: async (feeds) => {
        if (crash) await crashWith(crash);
        spin(busyNs);
        return pick(feeds);
      },
      endProfile: async () => undefined,
      close: async () => undefined,
    };
  },
};

function readBusyNs(model: Buffer): number {
  return Number(readOrder(model, 'busy_ns', /^\d+/) ?? 0);
}

function readCrash(model: Buffer): CrashSignal | undefined {
  const wanted = readOrder(model, 'crash', /^[A-Z]+/);
  return crashSignals.find((signal) => signal === wanted);
}

/** The value of `qfleet.noop <name>=<value>` in a model's file, which may be anything else beside. */
function readOrder(model: Buffer, name: string, value: RegExp): string | undefined {
  const order = `qfleet.noop ${name}=`;
  const at = model.indexOf(order);
  if (at < 0) return undefined;
  const from = at + order.length;
  return value.exec(model.toString('latin1', from, from + 64))?.[0];
}

/** A signal to oneself is delivered at some point after the call: the inference must not be over before. */
async function crashWith(signal: CrashSignal): Promise<never> {
  process.kill(process.pid, signal);
  await sleep(10_000);
  throw new Error(`${signal} did not end the process`);
}

function spin(durationNs: number): void {
  if (durationNs === 0) return;
  const until = performance.now() + durationNs / 1e6;
  while (performance.now() < until);
}

function pick(feeds: Feeds): Outputs {
  const [input] = Object.values(feeds) as FeedTensor[];
  const length = input?.data.length ?? 0;
  const data = new Float32Array(outputCount);
  for (let i = 0; i < outputCount && length > 0; i++) {
    data[i] = Number(input?.data[Math.floor((i * length) / outputCount)]);
  }
  return { output: { type: 'float32', data, dims: [1, outputCount] } };
}
