import { availableParallelism } from 'node:os';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { hideFloat16Array } from '@qfleet/shared/inputs/hide-float16-array.ts';
import type { InferenceSession } from 'onnxruntime-common';
import type { Backend, LoadedVariant, LoadOptions } from './backend.ts';
import { findProfile } from './find-profile.ts';
import { resolveThreads, toLoadError, wrapSession } from './onnxruntime-session.ts';
import { runTinyModel, tinyModel } from './tiny-model.ts';

/** An execution provider of onnxruntime-node as a backend. */
export interface NativeProvider {
  readonly id: string;
  /** As onnxruntime-node names it: `cpu`, `cuda`, `tensorrt`, `webgpu`. */
  readonly provider: string;
  readonly findObstacle?: () => Promise<string | undefined>;
  readonly compilingLimitMs?: number;
}

/**
 * A backend over one execution provider of onnxruntime-node; what that cannot run goes to the CPU provider, as the
 * profile then tells. Provider options: `graphOptimizationLevel`, `executionMode`, `interOpNumThreads`,
 * `enableCpuMemArena`, `enableMemPattern` as in its session options, and dotted session configuration keys such as
 * `session.x64quantprecision`.
 */
export function createNativeBackend({
  id,
  provider,
  findObstacle,
  compilingLimitMs,
}: NativeProvider): Backend {
  const loadLibrary = async (): Promise<string> => (await importLibrary()).env.versions.node ?? 'unknown';
  return {
    id,
    canProfile: true,
    computes: true,
    ...(findObstacle && { findObstacle }),
    ...(compilingLimitMs !== undefined && { compilingLimitMs }),
    probe: async () => {
      const version = await loadLibrary();
      await runTinyModel(await createSession(provider, tinyModel(), { threads: 1, providerOptions: {} }));
      return { available: true, version, capabilities: { provider, profile: 'yes' } };
    },
    loadLibrary,
    load: (path, options) => createSession(provider, path, options),
  };
}

async function createSession(
  provider: string,
  model: string | Uint8Array,
  options: LoadOptions,
): Promise<LoadedVariant> {
  const { InferenceSession, Tensor } = await importLibrary();
  const threads = resolveThreads(options.threads, availableParallelism());
  const session = await create(InferenceSession, model, sessionOptions(provider, options, threads));
  return wrapSession({
    session,
    Tensor,
    threads,
    endProfile: async () => {
      if (!options.profilePrefix) return undefined;
      session.endProfiling();
      return findProfile(options.profilePrefix);
    },
  });
}

async function create(
  factory: InferenceSessionFactory,
  model: string | Uint8Array,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  try {
    // By path, since a buffer would hold the model in memory a second time.
    return typeof model === 'string'
      ? await factory.create(model, options)
      : await factory.create(model, options);
  } catch (thrown) {
    throw toLoadError(thrown);
  }
}

type InferenceSessionFactory = typeof import('onnxruntime-node')['InferenceSession'];

function sessionOptions(
  provider: string,
  options: LoadOptions,
  threads: number,
): InferenceSession.SessionOptions {
  const base: InferenceSession.SessionOptions = {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    // Errors alone: warnings about a model would be repeated at every launch.
    logSeverityLevel: 3,
  };
  const profile = options.profilePrefix
    ? { enableProfiling: true, profileFilePrefix: options.profilePrefix }
    : {};
  return { ...base, ...profile, ...translateProviderOptions(options.providerOptions) };
}

/** Text to the options that the binding parses; an `extra` is only there where it has a key, since undefined throws. */
function translateProviderOptions(given: Readonly<Record<string, string>>): InferenceSession.SessionOptions {
  const translated: Record<string, unknown> = {};
  const extra: Nested = {};
  for (const [key, value] of Object.entries(given)) {
    if (key.includes('.')) setNested(extra, key.split('.'), value);
    else translated[key] = translateKnown(key, value);
  }
  return { ...translated, ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}

interface Nested {
  [key: string]: string | Nested;
}

function setNested(target: Nested, [head, ...rest]: readonly string[], value: string): void {
  if (head === undefined) return;
  const inner = target[head];
  if (rest.length === 0) target[head] = value;
  else {
    const next = typeof inner === 'object' ? inner : {};
    target[head] = next;
    setNested(next, rest, value);
  }
}

const knownOptions: Readonly<Record<string, (value: string) => unknown>> = {
  graphOptimizationLevel: String,
  executionMode: String,
  interOpNumThreads: Number,
  enableCpuMemArena: (value) => value === 'true',
  enableMemPattern: (value) => value === 'true',
};

function translateKnown(key: string, value: string): unknown {
  const translate = Object.hasOwn(knownOptions, key) ? knownOptions[key] : undefined;
  if (translate) return translate(value);
  throw new QfleetError('unsupported', `Provider option "${key}" is not known to onnxruntime-node.`, {
    hint: `Use one of ${Object.keys(knownOptions).join(', ')}, or a dotted session configuration key.`,
  });
}

async function importLibrary(): Promise<typeof import('onnxruntime-node')> {
  try {
    hideFloat16Array();
    const library = await import('onnxruntime-node');
    return library;
  } catch (cause) {
    throw new QfleetError('unsupported', `onnxruntime-node does not load: ${(cause as Error).message}`, {
      hint: 'Install the agent for this platform, or use another backend.',
      cause,
    });
  }
}
