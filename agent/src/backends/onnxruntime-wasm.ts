import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { InferenceSession } from 'onnxruntime-common';
import type { Backend, LoadedVariant, LoadOptions } from './backend.ts';
import { resolveThreads, toLoadError, wrapSession } from './onnxruntime-session.ts';
import { runTinyModel, tinyModel } from './tiny-model.ts';

/**
 * ONNX Runtime compiled to WebAssembly (SIMD), through onnxruntime-web: for systems without a native build, and
 * a numeric reference of its own. Knows the provider option `graphOptimizationLevel`. Its threads are workers:
 * the process must end with an explicit exit.
 */
export const backend: Backend = {
  id: 'onnxruntime-wasm',
  canProfile: false,
  computes: true,
  probe: async () => {
    const version = await backend.loadLibrary();
    await runTinyModel(await createSession(tinyModel(), { threads: 1, providerOptions: {} }));
    return { available: true, version, capabilities: { provider: 'wasm', simd: 'yes', profile: 'no' } };
  },
  loadLibrary: async () => (await import('onnxruntime-web')).env.versions.web ?? 'unknown',
  load: async (path, options) => createSession(await readFile(path), options),
};

async function createSession(model: Uint8Array, options: LoadOptions): Promise<LoadedVariant> {
  const { InferenceSession, Tensor, env } = await import('onnxruntime-web');
  const threads = resolveThreads(options.threads, availableParallelism());
  // Read when the first session is created; there is one session in a process.
  env.wasm.numThreads = threads;
  env.logLevel = 'error';
  try {
    const session = await InferenceSession.create(model, sessionOptions(options));
    return wrapSession({ session, Tensor, threads, endProfile: async () => undefined });
  } catch (thrown) {
    throw toLoadError(thrown);
  }
}

function sessionOptions(options: LoadOptions): InferenceSession.SessionOptions {
  const { graphOptimizationLevel, ...unknown } = options.providerOptions;
  const [key] = Object.keys(unknown);
  if (key !== undefined) {
    throw new QfleetError('unsupported', `Provider option "${key}" is not known to onnxruntime-wasm.`, {
      hint: 'It takes graphOptimizationLevel alone.',
    });
  }
  const level = graphOptimizationLevel === undefined ? {} : { graphOptimizationLevel };
  return { executionProviders: ['wasm'], ...level } as InferenceSession.SessionOptions;
}
