import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Backend, LoadedVariant, LoadOptions } from '../backends/backend.ts';
import type { VariantRequest } from './protocol.ts';

export interface LoadedWithTimes {
  readonly variant: LoadedVariant;
  readonly backendVersion: string;
  readonly backendLoadNs: number;
  readonly createNs: number;
}

/** Loads a backend's library, then the variant, each timed. */
export async function loadVariant(
  backends: readonly Backend[],
  request: VariantRequest,
  extra: Pick<LoadOptions, 'profilePrefix'> = {},
): Promise<LoadedWithTimes> {
  const backend = findBackend(backends, request.backend);
  const start = process.hrtime.bigint();
  const backendVersion = await backend.loadLibrary();
  const loaded = process.hrtime.bigint();
  const { threads, providerOptions } = request;
  const variant = await backend.load(request.variantPath, { threads, providerOptions, ...extra });
  const created = process.hrtime.bigint();
  return {
    variant,
    backendVersion,
    backendLoadNs: Number(loaded - start),
    createNs: Number(created - loaded),
  };
}

/** The backend of an id; throws `unsupported`. */
export function findBackend(backends: readonly Backend[], id: string): Backend {
  const found = backends.find((backend) => backend.id === id);
  if (found) return found;
  throw new QfleetError('unsupported', `This agent has no backend "${id}".`, {
    hint: `It has ${backends.map((backend) => backend.id).join(', ')}.`,
  });
}
