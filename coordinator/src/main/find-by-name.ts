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
  const found = await store.findDataset(name);
  if (found) return found;
  // Derived ones are made by runs for themselves.
  const added = (await store.listDatasets()).filter(({ derivedFrom }) => !derivedFrom);
  return missing('dataset', name, added);
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

/** What makes the first of its kind. */
const firstSteps = {
  model: 'There is no model yet; add one with: ./qfleet model add FILE.onnx',
  dataset: 'There is no dataset yet; add one with: ./qfleet dataset add PATH',
  device: 'There is no device yet; make one with: ./qfleet device add NAME --out DIR',
  run: 'There is no run yet; start one with: ./qfleet run create --model NAME --wait',
  task: 'See: ./qfleet task ls',
  variant:
    'The model has no variant yet; make some with: ./qfleet quantize MODEL --calibration DATASET --recipe int8-per-channel',
} as const;

function missing(
  kind: keyof typeof firstSteps,
  name: string,
  known: readonly { readonly name: string }[],
): never {
  const names = known.map((one) => one.name).filter((one) => one !== '');
  const nearest = suggestNames(name, names);
  const hint =
    names.length === 0
      ? firstSteps[kind]
      : nearest.length > 0
        ? `Did you mean ${nearest.join(' or ')}?`
        : `Known: ${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}.`;
  throw new QfleetError('not-found', `There is no ${kind} "${name}".`, { hint });
}
