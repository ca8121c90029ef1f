import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import type { ImportRecord } from '../imports/import-record.ts';
import { findByNameOrDigest } from './find-by-name-or-digest.ts';
import type { ArtefactRow } from './schema.ts';
import type { Scope } from './scope.ts';

/**
 * Stores a model. The same file again is a no-op that returns the model as it is known; with another input
 * contract, which is part of a model, or another file under a known name, it throws `already-exists`.
 */
export async function addModel(scope: Scope, model: Model): Promise<Model> {
  const known = await knownArtefact<Model>(scope, 'models', 'model', model);
  if (!known) {
    await scope.db.insertInto('models').values(toRow(model)).execute();
    return model;
  }
  if (canonicalJson(known.contract) !== canonicalJson(model.contract)) {
    throw new QfleetError(
      'already-exists',
      `The model ${known.name} is this same file with another input contract.`,
      { hint: `To correct it, remove the model and add it again: ./qfleet model rm ${known.name}` },
    );
  }
  return known;
}

export async function findModel(scope: Scope, nameOrDigest: string): Promise<Model | undefined> {
  return toRecord<Model>(await findByNameOrDigest(scope, 'models', nameOrDigest));
}

/** In the order they were added. */
export async function listModels(scope: Scope): Promise<Model[]> {
  return listArtefacts<Model>(scope, 'models');
}

/** Stores a variant of a known model, or replaces the record of the same file; throws `not-found`, `already-exists`. */
export async function addVariant(scope: Scope, variant: Variant): Promise<Variant> {
  const ofModel = scope.db.selectFrom('variants').where('model_digest', '=', variant.modelDigest);
  const model = await scope.db
    .selectFrom('models')
    .select('name')
    .where('digest', '=', variant.modelDigest)
    .executeTakeFirst();
  if (!model) throw new QfleetError('not-found', `There is no model ${variant.modelDigest}.`);
  const named = await ofModel.select('digest').where('name', '=', variant.name).executeTakeFirst();
  if (named && named.digest !== variant.digest) {
    throw new QfleetError(
      'already-exists',
      `The model ${model.name} has another variant named "${variant.name}" (${named.digest.slice(0, 12)}).`,
      { hint: 'Choose another name for this one.' },
    );
  }
  const row = { ...toRow(variant), model_digest: variant.modelDigest };
  await scope.db
    .insertInto('variants')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['model_digest', 'digest'])
        .doUpdateSet({ name: row.name, record_json: row.record_json, created_at_ms: row.created_at_ms }),
    )
    .execute();
  return variant;
}

/** In the order they were made. */
export async function listVariants(scope: Scope, modelDigest: string): Promise<Variant[]> {
  const rows = await scope.db
    .selectFrom('variants')
    .selectAll()
    .where('model_digest', '=', modelDigest)
    .orderBy('created_at_ms')
    .orderBy('name')
    .execute();
  return rows.map((row) => toRecord<Variant>(row));
}

/** Stores a dataset; the same content again is a no-op, other content under a known name throws `already-exists`. */
export async function addDataset(scope: Scope, dataset: Dataset): Promise<Dataset> {
  const known = await knownArtefact<Dataset>(scope, 'datasets', 'dataset', dataset);
  if (known) return known;
  await scope.db.insertInto('datasets').values(toRow(dataset)).execute();
  return dataset;
}

export async function findDataset(scope: Scope, nameOrDigest: string): Promise<Dataset | undefined> {
  return toRecord<Dataset>(await findByNameOrDigest(scope, 'datasets', nameOrDigest));
}

/** In the order they were added. */
export async function listDatasets(scope: Scope): Promise<Dataset[]> {
  return listArtefacts<Dataset>(scope, 'datasets');
}

/** Stores an import; the same content again is a no-op, other content under a known name throws `already-exists`. */
export async function addImport(scope: Scope, imported: ImportRecord): Promise<ImportRecord> {
  const known = await knownArtefact<ImportRecord>(scope, 'imports', 'import', imported);
  if (known) return known;
  await scope.db.insertInto('imports').values(toRow(imported)).execute();
  return imported;
}

export async function findImport(scope: Scope, nameOrDigest: string): Promise<ImportRecord | undefined> {
  return toRecord<ImportRecord>(await findByNameOrDigest(scope, 'imports', nameOrDigest));
}

/** In the order they were added. */
export async function listImports(scope: Scope): Promise<ImportRecord[]> {
  return listArtefacts<ImportRecord>(scope, 'imports');
}

interface Artefact {
  readonly digest: string;
  readonly name: string;
  readonly createdAtMs: number;
}

async function knownArtefact<T>(
  scope: Scope,
  table: 'models' | 'datasets' | 'imports',
  kind: string,
  artefact: Artefact,
): Promise<T | undefined> {
  const all = scope.db.selectFrom(table).selectAll();
  const same = await all.where('digest', '=', artefact.digest).executeTakeFirst();
  if (same) return toRecord<T>(same);
  const named = await all.where('name', '=', artefact.name).executeTakeFirst();
  if (!named) return undefined;
  throw new QfleetError(
    'already-exists',
    `There is another ${kind} named "${artefact.name}" (${named.digest.slice(0, 12)}).`,
    { hint: 'Choose another name with --name.' },
  );
}

async function listArtefacts<T>(scope: Scope, table: 'models' | 'datasets' | 'imports'): Promise<T[]> {
  const rows = await scope.db
    .selectFrom(table)
    .selectAll()
    .orderBy('created_at_ms')
    .orderBy('name')
    .execute();
  return rows.map((row) => toRecord<T>(row));
}

function toRow(artefact: Artefact): ArtefactRow {
  return {
    digest: artefact.digest,
    name: artefact.name,
    record_json: JSON.stringify(artefact),
    created_at_ms: artefact.createdAtMs,
  };
}

function toRecord<T>(row: ArtefactRow): T;
function toRecord<T>(row: ArtefactRow | undefined): T | undefined;
function toRecord<T>(row: ArtefactRow | undefined): T | undefined {
  return row && (JSON.parse(row.record_json) as T);
}
