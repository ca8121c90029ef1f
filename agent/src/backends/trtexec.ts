import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { readEngineProfile } from '@qfleet/shared/trtexec/engine-profile.ts';
import { lacksInt8 } from '@qfleet/shared/trtexec/parse-console.ts';
import { parseOutputs, parseTimes } from '@qfleet/shared/trtexec/parse-exports.ts';
import type { Backend, Feeds, FeedTensor, LoadedVariant, LoadOptions, Outputs } from './backend.ts';
import { batchShapes, joinFeeds, partOf } from './trtexec/batch-feeds.ts';
import {
  buildArguments,
  type Precision,
  precisions,
  profileArguments,
  runArguments,
  timeArguments,
} from './trtexec/build-arguments.ts';
import { cachedEngine } from './trtexec/engine-cache.ts';
import { findTrtexec, runTrtexec } from './trtexec/run-trtexec.ts';

/** A Jetson Nano took three minutes for a ResNet-18. */
const buildLimitMs = 1_800_000;
const runLimitMs = 300_000;
const askLimitMs = 30_000;

/**
 * TensorRT through NVIDIA's own tool, for Jetsons and any GPU with TensorRT: builds an engine, which is kept, and times
 * it with the tool's own clock (host latency: copy in, compute, copy out). One process for every inference elsewhere,
 * so that evaluating is slow; inputs and outputs go through files as float32. Provider options: `precision` (fp32,
 * fp16, int8, best; by default int8 for files with QuantizeLinear, else fp32), `shapes` (`input:1x3x224x224`),
 * `workspaceMiB`, `evaluateBatch` (so many inputs for each start, by an engine of their own; wants `shapes`). Written from NVIDIA's sources and recorded output of versions 8.0 and 8.2: no device has run it yet.
 */
export const backend: Backend = {
  id: 'trtexec',
  canProfile: true,
  compilingLimitMs: buildLimitMs + runLimitMs,
  // Its answers are a GPU's, and a fingerprint would build an engine for each case.
  computes: false,
  findObstacle: async () => (findTrtexec() === undefined ? 'not installed: there is no trtexec' : undefined),
  probe: async () => {
    const { version } = await ask();
    return {
      available: true,
      version,
      capabilities: { provider: 'tensorrt', profile: 'yes', latency: 'timed by trtexec' },
    };
  },
  loadLibrary: async () => (await ask()).version,
  load: loadEngine,
};

async function ask(): Promise<{ readonly version: string }> {
  // Ends with its usage, after the line that names its version.
  const facts = await runTrtexec(['--help'], { limitMs: askLimitMs });
  return { version: facts.version ?? 'unknown' };
}

async function loadEngine(path: string, options: LoadOptions): Promise<LoadedVariant> {
  const { version } = await ask();
  const settings = await readOptions(path, options);
  const engine = await buildEngine(path, version, settings);
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-trtexec-'));
  // A runner ends without closing what it loaded.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const { shapes } = settings;
  const seen = await runTrtexec(
    runArguments({ engine, outputs: join(folder, 'first.json'), inputs: {}, shapes }),
    { limitMs: runLimitMs },
  );
  const slots = (role: 'input' | 'output') =>
    seen.bindings
      .filter((binding) => binding.role === role)
      .map(({ name, dims }) => ({ name, elementType: 'float32', shape: dims }));
  // Told by the GPU and not by the warning, which only the launch that builds the engine sees.
  const isEmulated = /^(int8|best)$/.test(settings.precision) && lacksInt8(seen);
  return {
    inputs: slots('input'),
    outputs: slots('output'),
    threads: 1,
    prepareFeeds: (tensors) => tensors,
    infer: (feeds) => inferOnce({ engine, folder, shapes, feeds }),
    ...(settings.evaluateBatch > 1 && {
      batched: batchedInference({
        size: settings.evaluateBatch,
        settings,
        folder,
        build: (one) => buildEngine(path, version, one),
      }),
    }),
    timeItself: async ({ feeds, minSamples, minDurationMs }) => {
      const times = join(folder, 'times.json');
      const inputs = await writeInputs(folder, feeds);
      await runTrtexec(timeArguments({ engine, times, inputs, minSamples, minDurationMs, shapes }), {
        limitMs: runLimitMs + 2 * minDurationMs,
      });
      const latenciesNs = parseTimes(await readFile(times, 'utf8'));
      const source = `trtexec host latency, ${settings.precision}${isEmulated ? ', no native int8' : ''}`;
      // Queries one after the other; starting the tool and loading the engine are no part of them.
      const wallNs = latenciesNs.reduce((sum, ns) => sum + ns, 0);
      return { latenciesNs, wallNs, source };
    },
    endProfile: async () => {
      if (options.profilePrefix === undefined) return undefined;
      const profile = join(folder, 'profile.json');
      const layers = join(folder, 'layers.json');
      await runTrtexec(profileArguments({ engine, profile, layers, version }), { limitMs: runLimitMs });
      const found = readEngineProfile(
        await readFile(profile, 'utf8'),
        await readFile(layers, 'utf8').catch(() => undefined),
      );
      const path = `${options.profilePrefix}_trtexec.json`;
      await writeFile(path, JSON.stringify(found));
      return path;
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function buildEngine(path: string, version: string, settings: Settings): Promise<string> {
  const { precision, workspaceMiB, shapes } = settings;
  const key = {
    modelPath: path,
    version,
    gpu: await readGpu(),
    options: { precision, workspaceMiB, shapes: shapes ?? '' },
  };
  return cachedEngine(key, async (engine) => {
    const order = {
      precision,
      shapes,
      workspaceMiB: Number(workspaceMiB),
      model: path,
      engine,
      version,
    };
    await runTrtexec(buildArguments(order), { limitMs: buildLimitMs });
  });
}

/** An engine of its own, built when it is first asked for: one start of the tool for each batch. */
function batchedInference(order: {
  readonly size: number;
  readonly settings: Settings;
  readonly folder: string;
  readonly build: (settings: Settings) => Promise<string>;
}): NonNullable<LoadedVariant['batched']> {
  const { size, settings, folder, build } = order;
  const shapes = batchShapes(settings.shapes, size);
  return {
    size,
    source: `engine of batch ${size}, built apart from the timed one`,
    infer: async (feeds) => {
      const engine = await build({ ...settings, shapes });
      const names = Object.keys(feeds[0] ?? {});
      const joined = Object.fromEntries(
        names.map((name) => {
          const tensors = feeds.map((one) => one[name] as FeedTensor);
          return [name, joinFeeds(tensors, size)];
        }),
      );
      const outputs = Object.entries(await inferOnce({ engine, folder, shapes, feeds: joined }));
      return feeds.map((_, i) =>
        Object.fromEntries(outputs.map(([name, output]) => [name, partOf(output, i, size)])),
      );
    },
  };
}

type Settings = {
  readonly precision: Precision;
  readonly workspaceMiB: string;
  readonly shapes: string | undefined;
  /** Inputs that one start of the tool evaluates. */
  readonly evaluateBatch: number;
};

async function readOptions(path: string, { providerOptions }: LoadOptions): Promise<Settings> {
  const { precision, shapes, workspaceMiB = '1024', evaluateBatch = '1', ...unknown } = providerOptions;
  const [key] = Object.keys(unknown);
  if (key !== undefined) {
    throw new QfleetError('unsupported', `Provider option "${key}" is not known to trtexec.`, {
      hint: 'It takes precision, shapes, workspaceMiB and evaluateBatch.',
    });
  }
  if (!/^[1-9]\d{0,3}$/.test(evaluateBatch)) {
    throw new QfleetError('unsupported', `evaluateBatch is "${evaluateBatch}", expected 1 to 9999.`);
  }
  if (precision !== undefined && !precisions.some((known) => known === precision)) {
    throw new QfleetError('unsupported', `The precision "${precision}" is not known to trtexec.`, {
      hint: `Use one of ${precisions.join(', ')}.`,
    });
  }
  const chosen = (precision as Precision | undefined) ?? ((await isQuantized(path)) ? 'int8' : 'fp32');
  return { precision: chosen, workspaceMiB, shapes, evaluateBatch: Number(evaluateBatch) };
}

/** Operators' names stand in the file as they are. */
async function isQuantized(path: string): Promise<boolean> {
  return (await readFile(path)).includes('QuantizeLinear');
}

/** What an engine was built for: the board's model, on hosts without one the NVIDIA driver, which an update changes too. */
async function readGpu(): Promise<string> {
  return readFile('/proc/device-tree/model', 'utf8').catch(() =>
    readFile('/proc/driver/nvidia/version', 'utf8').catch(() => 'unknown'),
  );
}

async function inferOnce(order: {
  readonly engine: string;
  readonly folder: string;
  readonly shapes: string | undefined;
  readonly feeds: Feeds;
}): Promise<Outputs> {
  const { engine, folder, shapes, feeds } = order;
  const outputs = join(folder, 'outputs.json');
  const inputs = await writeInputs(folder, feeds);
  await runTrtexec(runArguments({ engine, outputs, inputs, shapes }), { limitMs: runLimitMs });
  const found = parseOutputs(await readFile(outputs, 'utf8'));
  return Object.fromEntries(
    found.map(({ name, dims, values }) => [name, { type: 'float32', data: values, dims }]),
  );
}

async function writeInputs(folder: string, feeds: Feeds): Promise<Record<string, string>> {
  const written: Record<string, string> = {};
  for (const [i, [name, value]] of Object.entries(feeds).entries()) {
    const { data } = value as FeedTensor;
    written[name] = join(folder, `input-${i}.bin`);
    await writeFile(written[name], new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return written;
}
