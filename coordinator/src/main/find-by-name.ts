import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import type { DeviceRecord, RunRecord, TaskRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { suggestNames } from './suggest-names.ts';

/** The model of that name or digest; throws `not-found` with the nearest names. */
export async function findModel(store: Store, name: string): Promise<Model> {
  return (await store.findModel(name)) ?? missing('model', name, await store.listModels());
}

/** The dataset of that name or digest; throws `not-found` with the nearest names. */
export async function findDataset(store: Store, name: string): Promise<Dataset> {
  return (await store.findDataset(name)) ?? missing('dataset', name, await store.listDatasets());
}

/** The device of that name or id; throws `not-found` with the nearest names. */
export async function findDevice(store: Store, name: string): Promise<DeviceRecord> {
  return (await store.findDevice(name)) ?? missing('device', name, await store.listDevices());
}

/** The run of that id, prefix or name, or `latest`; throws `not-found` with the nearest. */
export async function findRun(store: Store, name: string): Promise<RunRecord> {
  const found = await store.findRun(name);
  if (found) return found;
  const runs = await store.listRuns();
  return missing('run', name, [...runs.map(({ id }) => ({ name: id })), ...runs]);
}

/** The task of that id; throws `not-found`. */
export async function findTask(store: Store, id: string): Promise<TaskRecord> {
  return (await store.findTask(id)) ?? missing('task', id, []);
}

/** The variant of that name, digest or digest prefix among a model's; throws `not-found` with the nearest names. */
export function pickVariant(variants: readonly Variant[], name: string): Variant {
  const found = variants.find((variant) => variant.name === name || variant.digest === name);
  const byPrefix = variants.filter(({ digest }) => name.length >= 6 && digest.startsWith(name));
  return found ?? (byPrefix.length === 1 ? byPrefix[0] : undefined) ?? missing('variant', name, variants);
}

function missing(kind: string, name: string, known: readonly { readonly name: string }[]): never {
  const names = known.map((one) => one.name).filter((one) => one !== '');
  const nearest = suggestNames(name, names);
  const hint =
    names.length === 0
      ? `There is no ${kind} yet.`
      : nearest.length > 0
        ? `Did you mean ${nearest.join(' or ')}?`
        : `Known: ${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}.`;
  throw new QfleetError('not-found', `There is no ${kind} "${name}".`, { hint });
}
