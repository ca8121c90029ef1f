import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Backend, BackendAvailability } from '../backends/backend.ts';
import { fingerprint } from '../backends/numerics/fingerprint.ts';
import { burn } from './burn.ts';
import { countLaunch } from './count-launch.ts';
import { evaluateShard } from './evaluate-shard.ts';
import { findBackend, loadVariant } from './load-variant.ts';
import { measureLaunch, profileLaunch } from './measure-launch.ts';
import type { OpenRequest, RunnerRequest, ShardRequest, Telling } from './protocol.ts';
import { serve } from './serve.ts';
import { sustainLaunch } from './sustain-launch.ts';

/** What a runner can be asked to do. It loads one variant in its life. */
export function createAnswerer(
  backends: readonly Backend[],
): (request: RunnerRequest, telling: Telling) => Promise<unknown> {
  let opened:
    | { readonly load: Awaited<ReturnType<typeof loadVariant>>; readonly request: OpenRequest }
    | undefined;

  const open = async (request: OpenRequest): Promise<unknown> => {
    const load = await loadVariant(backends, request);
    opened = { load, request };
    const { threads, batched } = load.variant;
    return {
      backendVersion: load.backendVersion,
      threads,
      ...(batched && { outputSource: batched.source }),
    };
  };
  const evaluate = async (request: ShardRequest, { onProgress }: Telling): Promise<unknown> => {
    if (!opened) throw new QfleetError('failed-precondition', 'A shard came before a variant was opened.');
    const {
      load,
      request: { dimensions },
    } = opened;
    return evaluateShard({ variant: load.variant, dimensions }, request, onProgress);
  };
  return async (request, telling) => {
    if (request.kind === 'probe') return probe(findBackend(backends, request.backend));
    if (request.kind === 'measure') return measureLaunch(backends, request, telling);
    if (request.kind === 'profile') return profileLaunch(backends, request, telling);
    if (request.kind === 'count') return countLaunch(backends, request, telling);
    if (request.kind === 'sustain') return sustainLaunch(backends, request, telling);
    if (request.kind === 'serve') return serve(backends, request, telling);
    if (request.kind === 'burn') return burn(telling);
    if (request.kind === 'open') return open(request);
    return evaluate(request, telling);
  };
}

async function probe(backend: Backend): Promise<BackendAvailability> {
  try {
    const found = await backend.probe();
    if (!found.available || !backend.computes) return found;
    return { ...found, capabilities: { ...found.capabilities, ...(await fingerprint(backend)) } };
  } catch (thrown) {
    return { available: false, reason: QfleetError.from(thrown).message };
  }
}
