import { QfleetError } from '@qfleet/shared/errors.ts';
import { sql } from 'kysely';
import type { Dataset } from '../artefacts/artefacts.ts';
import type { Scope } from './scope.ts';

/** What an operator may remove. */
export type Removable =
  | { readonly kind: 'model'; readonly digest: string; readonly name: string }
  | { readonly kind: 'variant'; readonly digest: string; readonly name: string; readonly modelDigest: string }
  | { readonly kind: 'dataset'; readonly digest: string; readonly name: string }
  | { readonly kind: 'import'; readonly digest: string; readonly name: string }
  | { readonly kind: 'run'; readonly id: string; readonly name: string };

/** What went. */
export interface Removed {
  /** In words, what went along: `2 runs (run-a, run-b)`. */
  readonly along: readonly string[];
  /** Digests that the removed records named: blobs that may be unused now. */
  readonly digests: readonly string[];
}

/** What other things may refer to. */
type Linked = Exclude<Removable, { readonly kind: 'import' }>;

interface Named {
  readonly key: string;
  readonly name: string;
}

/** Everything that has to go for one thing to go. */
interface Removal {
  readonly runs: readonly Named[];
  readonly models: readonly Named[];
  readonly variants: readonly (Named & { readonly modelDigest: string })[];
  readonly datasets: readonly Named[];
  /** Why it is not removed without force, in words. */
  readonly uses: readonly string[];
}

/**
 * Removes an artefact or a run. Throws `failed-precondition`, naming what refers to it, unless `force` takes that along;
 * what a running run or an unfinished task needs is never removed. The blobs stay for `collectGarbage`.
 */
export async function removeArtefact(scope: Scope, what: Removable, force: boolean): Promise<Removed> {
  if (what.kind === 'import') return removeImport(scope, what.digest);
  const removal = await planRemoval(scope, what);
  await refuseWhereBusy(scope, what, removal);
  if (removal.uses.length > 0 && !force) {
    throw new QfleetError('failed-precondition', `${describe(what)} is in use: ${removal.uses.join('; ')}.`, {
      hint: 'Remove those first, or repeat with --force, which takes along what cannot be without it. `./qfleet bundle` keeps the evidence of a run.',
    });
  }
  const digests = await digestsOf(scope, removal);
  for (const run of removal.runs) await deleteRun(scope, run.key);
  for (const { key, modelDigest } of removal.variants)
    await scope.db
      .deleteFrom('variants')
      .where('digest', '=', key)
      .where('model_digest', '=', modelDigest)
      .execute();
  for (const { key } of removal.models)
    await scope.db.deleteFrom('models').where('digest', '=', key).execute();
  for (const { key } of removal.datasets)
    await scope.db.deleteFrom('datasets').where('digest', '=', key).execute();
  const others = {
    ...removal,
    [`${what.kind}s`]: removal[`${what.kind}s`].filter(({ key }) => key !== keyOf(what)),
  };
  return { along: listAlong(others), digests };
}

/** Nothing refers to what others measured. */
async function removeImport(scope: Scope, digest: string): Promise<Removed> {
  const digests = digestsIn(await recordsOf(scope, 'imports', digest));
  await scope.db.deleteFrom('imports').where('digest', '=', digest).execute();
  return { along: [], digests };
}

/** Derived datasets that no run needs: none that is running, and none whose report counts answers on them. */
export async function listUnusedDerivedDatasets(scope: Scope): Promise<Dataset[]> {
  const running = scope.db
    .selectFrom('runs')
    .select('dataset_digest')
    .distinct()
    .where('state', '=', 'running');
  const stopping = scope.db
    .selectFrom('runs')
    .innerJoin('jobs', 'jobs.run_id', 'runs.id')
    .select('runs.dataset_digest')
    .distinct()
    .where(sql<boolean>`jobs.lease_until_ms >= ${scope.nowMs()}`);
  const answered = scope.db
    .selectFrom('runs')
    .innerJoin('jobs', 'jobs.run_id', 'runs.id')
    .innerJoin('results', 'results.job_id', 'jobs.id')
    .select('runs.dataset_digest')
    .distinct()
    .where('jobs.kind', '=', 'evaluate')
    .where('results.state', '=', 'committed');
  const needed = new Set<string | null>();
  for (const query of [running, stopping, answered])
    for (const row of await query.execute()) needed.add(row.dataset_digest);
  const rows = await scope.db.selectFrom('datasets').select(['digest', 'record_json']).execute();
  return rows
    .filter(({ digest }) => !needed.has(digest))
    .map((row) => JSON.parse(row.record_json) as Dataset)
    .filter(({ derivedFrom }) => derivedFrom !== undefined);
}

/** Takes the records of these datasets away. */
export async function removeDatasets(scope: Scope, digests: readonly string[]): Promise<void> {
  for (const digest of digests) await scope.db.deleteFrom('datasets').where('digest', '=', digest).execute();
}

async function planRemoval(scope: Scope, what: Linked): Promise<Removal> {
  const nothing: Removal = { runs: [], models: [], variants: [], datasets: [], uses: [] };
  if (what.kind === 'run') {
    const uses = await listProbeUses(scope, what.id);
    return { ...nothing, runs: [{ key: what.id, name: what.id }], uses };
  }
  if (what.kind === 'dataset') return planDatasetRemoval(scope, what);
  const self = { key: what.digest, name: what.name };
  if (what.kind === 'variant') {
    const runs = await runsWith(scope, what.modelDigest, what.digest);
    return {
      ...nothing,
      runs,
      variants: [{ ...self, modelDigest: what.modelDigest }],
      uses: listAlong({ runs }),
    };
  }
  const rows = await scope.db
    .selectFrom('variants')
    .select(['digest', 'name'])
    .where('model_digest', '=', what.digest)
    .orderBy('created_at_ms')
    .execute();
  const variants = rows.map((row) => ({ key: row.digest, name: row.name, modelDigest: what.digest }));
  const runs = new Map<string, Named>();
  for (const { key } of [self, ...variants])
    for (const run of await runsWith(scope, what.digest, key)) runs.set(run.key, run);
  // The float form is made with the model and goes with it.
  const made = variants.filter(({ key, name }) => key !== what.digest && name !== 'fp32');
  return {
    ...nothing,
    models: [self],
    variants,
    runs: [...runs.values()],
    uses: listAlong({ variants: made, runs: [...runs.values()] }),
  };
}

async function planDatasetRemoval(
  scope: Scope,
  what: Extract<Removable, { kind: 'dataset' }>,
): Promise<Removal> {
  const all = await scope.db.selectFrom('datasets').select(['digest', 'name', 'record_json']).execute();
  const derived = all.filter(
    (row) => (JSON.parse(row.record_json) as Dataset).derivedFrom?.digest === what.digest,
  );
  const datasets = [what, ...derived].map(({ digest, name }) => ({ key: digest, name }));
  const keys = datasets.map(({ key }) => key);
  const runs = await scope.db
    .selectFrom('runs')
    .select(['id', 'name'])
    .where('dataset_digest', 'in', keys)
    .orderBy('number')
    .execute();
  const variants = await scope.db.selectFrom('variants').select(['name', 'record_json']).execute();
  const calibrated = variants.filter(({ record_json: text }) => keys.some((key) => text.includes(key)));
  const used = runs.map(({ id }) => ({ key: id, name: id }));
  const names = calibrated.map(({ name }) => ({ key: name, name }));
  return {
    datasets,
    models: [],
    variants: [],
    runs: used,
    uses: [
      ...listAlong({ runs: used }),
      ...listAlong({ variants: names }).map((text) => `${text} calibrated with it (they stay)`),
    ],
  };
}

/** Runs of which a variant of a model, or a file of that digest, is a part. */
async function runsWith(scope: Scope, modelDigest: string, digest: string): Promise<Named[]> {
  const rows = await scope.db
    .selectFrom('runs')
    .select('id')
    .where((eb) =>
      eb.or([
        eb.and([
          eb('model_digest', '=', modelDigest),
          eb.or([eb('model_digest', '=', digest), sql<boolean>`variant_digests_json like ${`%${digest}%`}`]),
        ]),
        eb.exists(
          eb
            .selectFrom('jobs')
            .select('jobs.id')
            .whereRef('jobs.run_id', '=', 'runs.id')
            .where(sql<boolean>`jobs.spec_json like ${`%${digest}%`}`),
        ),
      ]),
    )
    .orderBy('number')
    .execute();
  return rows.map(({ id }) => ({ key: id, name: id }));
}

/** Later runs whose reports take a device's probe from this one, having none of their own. */
async function listProbeUses(scope: Scope, runId: string): Promise<string[]> {
  const probes = await scope.db
    .selectFrom('results')
    .innerJoin('jobs', 'jobs.id', 'results.job_id')
    .innerJoin('runs', 'runs.id', 'results.run_id')
    .select(['results.device_id', 'runs.number'])
    .where('results.run_id', '=', runId)
    .where('results.state', '=', 'committed')
    .where('jobs.kind', '=', 'probe')
    .execute();
  const uses: string[] = [];
  for (const { device_id: deviceId, number } of probes) {
    const later = await scope.db
      .selectFrom('runs')
      .select('id')
      .where('number', '>', number)
      .where(sql<boolean>`device_ids_json like ${`%"${deviceId}"%`}`)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('jobs')
              .select('jobs.id')
              .whereRef('jobs.run_id', '=', 'runs.id')
              .where('jobs.device_id', '=', deviceId)
              .where('jobs.kind', '=', 'probe'),
          ),
        ),
      )
      .orderBy('number')
      .execute();
    if (later.length === 0) continue;
    const ids = later.map(({ id }) => ({ key: id, name: id }));
    uses.push(
      `${listAlong({ runs: ids })[0]} read a device’s probe that it measured (they stay, without it)`,
    );
  }
  return [...new Set(uses)];
}

/** What is at work now is never removed, force or not. */
async function refuseWhereBusy(scope: Scope, what: Linked, removal: Removal): Promise<void> {
  for (const { key } of removal.runs) {
    const run = await scope.db
      .selectFrom('runs')
      .select(['id', 'state'])
      .where('id', '=', key)
      .executeTakeFirst();
    if (run?.state === 'running') {
      throw new QfleetError(
        'failed-precondition',
        `${describe(what)} is needed: the run ${key} is running.`,
        {
          hint: `Wait for it, or cancel it: ./qfleet run cancel ${key}`,
        },
      );
    }
    const stopping = await scope.db
      .selectFrom('jobs')
      .select('id')
      .where('run_id', '=', key)
      .where(sql<boolean>`lease_until_ms >= ${scope.nowMs()}`)
      .executeTakeFirst();
    if (stopping) {
      throw new QfleetError('unavailable', `A device is still stopping its job of the run ${key}.`, {
        hint: 'Repeat the command in a minute.',
      });
    }
  }
  if (what.kind === 'run') return;
  const tasks = await scope.db
    .selectFrom('tasks')
    .select(['id', 'params_json'])
    .where('state', 'in', ['queued', 'running'])
    .execute();
  const busy = tasks.find(({ params_json: params }) => isNamedIn(params, what));
  if (!busy) return;
  throw new QfleetError(
    'failed-precondition',
    `${describe(what)} is needed: the task ${busy.id} works with it.`,
    {
      hint: `Wait for it, or cancel it: ./qfleet task cancel ${busy.id}`,
    },
  );
}

/** Tasks take names, digests and prefixes of digests. */
function isNamedIn(paramsJson: string, what: Exclude<Linked, { kind: 'run' }>): boolean {
  const { model, calibration } = JSON.parse(paramsJson) as { model?: string; calibration?: string };
  const matches = (given: string | undefined, { name, digest }: { name: string; digest: string }): boolean =>
    given !== undefined && (given === name || (given.length >= 6 && digest.startsWith(given)));
  if (what.kind === 'dataset') return matches(calibration, what);
  return what.kind === 'model' && matches(model, what);
}

async function digestsOf(scope: Scope, removal: Removal): Promise<string[]> {
  const texts: string[] = [];
  for (const { key } of removal.models) texts.push(...(await recordsOf(scope, 'models', key)));
  for (const { key } of removal.datasets) texts.push(...(await recordsOf(scope, 'datasets', key)));
  for (const { key } of removal.variants) texts.push(...(await recordsOf(scope, 'variants', key)));
  return digestsIn(texts);
}

function digestsIn(texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap((text) => text.match(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g) ?? []))];
}

async function recordsOf(
  scope: Scope,
  table: 'models' | 'datasets' | 'variants' | 'imports',
  digest: string,
): Promise<string[]> {
  const rows = await scope.db.selectFrom(table).select('record_json').where('digest', '=', digest).execute();
  return rows.map((row) => row.record_json);
}

async function deleteRun(scope: Scope, runId: string): Promise<void> {
  const { db } = scope;
  const results = db.selectFrom('results').select('digest').where('run_id', '=', runId);
  await db.deleteFrom('result_blobs').where('result_digest', 'in', results).execute();
  await db.deleteFrom('results').where('run_id', '=', runId).execute();
  await db.deleteFrom('jobs').where('run_id', '=', runId).execute();
  await db.deleteFrom('events').where('subject', '=', `run:${runId}`).execute();
  await db.deleteFrom('runs').where('id', '=', runId).execute();
}

/** `2 runs (run-a, run-b)`, for each kind of which there is something. */
function listAlong(
  lists: Partial<Record<'runs' | 'models' | 'variants' | 'datasets', readonly Named[]>>,
): string[] {
  const maxNamed = 5;
  return (['variants', 'datasets', 'runs', 'models'] as const).flatMap((kind) => {
    const found = lists[kind] ?? [];
    if (found.length === 0) return [];
    const names = found.slice(0, maxNamed).map(({ name }) => name);
    const rest = found.length > maxNamed ? ', …' : '';
    const noun = found.length === 1 ? kind.slice(0, -1) : kind;
    return [`${found.length} ${noun} (${names.join(', ')}${rest})`];
  });
}

function keyOf(what: Linked): string {
  return what.kind === 'run' ? what.id : what.digest;
}

function describe(what: Removable): string {
  return `The ${what.kind} ${what.kind === 'run' ? what.id : what.name}`;
}
