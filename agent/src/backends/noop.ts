import { readFile } from 'node:fs/promises';
import type { Backend, Feeds, FeedTensor, Outputs } from './backend.ts';

/** The first so many classes of the made-up output. */
const outputCount = 10;

/**
 * Runs nothing, so that the harness can be held against a known answer: gives ten values picked evenly from its
 * input, after spinning for as long as the model's file says in the text `qfleet.noop busy_ns=<digits>`
 * (an ONNX doc_string can carry it; without it, not at all). Takes any input of any shape.
 */
export const backend: Backend = {
  id: 'noop',
  canProfile: false,
  probe: async () => ({ available: true, version: '1', capabilities: { inference: 'none' } }),
  loadLibrary: async () => '1',
  load: async (path) => {
    const busyNs = readBusyNs(await readFile(path));
    return {
      inputs: [{ name: 'input', elementType: 'float32' }],
      outputs: [{ name: 'output', elementType: 'float32', shape: [1, outputCount] }],
      threads: 1,
      prepareFeeds: (tensors) => tensors,
      infer: async (feeds) => {
        spin(busyNs);
        return pick(feeds);
      },
      endProfile: async () => undefined,
      close: async () => undefined,
    };
  },
};

function readBusyNs(model: Buffer): number {
  const at = model.indexOf('qfleet.noop busy_ns=');
  if (at < 0) return 0;
  const digits = /busy_ns=(\d+)/.exec(model.toString('latin1', at, at + 64));
  return Number(digits?.[1] ?? 0);
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
