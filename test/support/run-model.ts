import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A tensor as JSON. */
export interface PlainTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

export interface ModelRun {
  readonly path: string;
  readonly feeds: Readonly<Record<string, PlainTensor>>;
  /** What runs Node: nothing, or an emulator with its options. */
  readonly emulator?: readonly string[];
}

/** The coordinator's: tests declare no runtime of their own. */
const runtime = createRequire(new URL('../../coordinator/package.json', import.meta.url)).resolve(
  'onnxruntime-node',
);
const runner = fileURLToPath(new URL('./run-model.cjs', import.meta.url));
/** Some 5 s emulated on a quiet machine. */
const timeLimitMs = 60_000;

/**
 * Runs a model once with ONNX Runtime in a process of its own, on the machine or emulated; its outputs by name. An
 * emulated run that fails or takes too long is tried once more, for qemu crashes now and then.
 */
export async function runModel({
  path,
  feeds,
  emulator = [],
}: ModelRun): Promise<Record<string, PlainTensor>> {
  const feedsPath = `${path}.feeds.json`;
  await writeFile(feedsPath, JSON.stringify(feeds));
  const [program, ...options] = [...emulator, process.execPath, runner, runtime, path, feedsPath];
  const run = async (): Promise<string> => {
    const done = await promisify(execFile)(program!, options, {
      timeout: timeLimitMs,
      killSignal: 'SIGKILL',
      maxBuffer: 2 ** 24,
    });
    return done.stdout;
  };
  const stdout = await run().catch((failure) => {
    if (emulator.length === 0) throw failure;
    return run();
  });
  return JSON.parse(stdout) as Record<string, PlainTensor>;
}
