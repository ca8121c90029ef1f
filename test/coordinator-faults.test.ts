import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { buildDoubling } from '../agent/src/testing/build-onnx.ts';
import { sampleContract, sampleModel, writeGlyphs } from './support/glyph-data.ts';
import { Lab, type Running, until } from './support/lab.ts';

const coordinatorCli = new URL('../coordinator/src/cli/main.ts', import.meta.url).pathname;

function openDatabase(lab: Lab): DatabaseSync {
  return new DatabaseSync(join(lab.data, 'qfleet.db'));
}

/** One column of the first row, looked up while the coordinator may be at work. */
function look(lab: Lab, query: string): unknown {
  using database = openDatabase(lab);
  return Object.values(database.prepare(query).get() ?? {})[0];
}

/** A run on a board that is away, so that it goes on until somebody ends it. */
async function startWaitingRun(lab: Lab): Promise<string> {
  const agent = await lab.startAgent('board', '--backends', 'noop');
  await agent.stop('SIGKILL');
  const path = join(lab.folder, 'waits.onnx');
  writeFileSync(path, buildDoubling(['N', 4], 'qfleet.noop busy_ns=1000'));
  await lab.qfleetOk('model', 'add', path, '--preset', 'raw');
  const timing = { launches: 1, minSamples: 10, minDurationMs: 0, repeats: 0, counters: false };
  const plan = { model: 'waits', devices: ['board'], backends: ['noop'], timing, probeMaxAgeHours: -1 };
  // JSON is YAML.
  writeFileSync(join(lab.folder, 'plan.yaml'), JSON.stringify(plan));
  return (await lab.qfleetOk('run', 'create', 'plan.yaml')).trim();
}

function exitCode(running: Running): Promise<number | null> {
  const { child } = running;
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', resolve));
}

describe('an operator who follows something while the coordinator is killed', () => {
  test('is told that it is away, and sees the run to its end when it is back', async () => {
    await using lab = new Lab();
    const coordinator = await lab.startCoordinator();
    await startWaitingRun(lab);
    const watching = lab.start(coordinatorCli, ['run', 'watch']);
    await until('the run is watched', () => watching.said().includes('0 of 1 jobs'), watching);
    await coordinator.stop('SIGKILL');
    await until('it says so', () => watching.said().includes('does not answer; waiting'), watching);
    const again = await lab.startCoordinator();
    lab.startAgentLater('board', '--backends', 'noop');
    assert.equal(await exitCode(watching), 0, watching.said());
    assert.match(watching.said(), /Run run-\w+ completed/);
    const report = await lab.qfleetOk('report', 'latest', '-o', 'json');
    await again.stop('SIGKILL');
    await lab.startCoordinator();
    assert.equal(
      await lab.qfleetOk('report', 'latest', '-o', 'json'),
      report,
      'the same bytes after a restart',
    );
  });

  test('learns of an end of which the coordinator died before it could tell', async () => {
    await using lab = new Lab();
    const coordinator = await lab.startCoordinator();
    const id = await startWaitingRun(lab);
    const watching = lab.start(coordinatorCli, ['run', 'watch']);
    await until('the run is watched', () => watching.said().includes('0 of 1 jobs'), watching);
    await coordinator.stop('SIGKILL');
    // The state is committed in one transaction, the event of it in the next, which never came.
    {
      using database = openDatabase(lab);
      database.prepare("update jobs set state = 'cancelled' where run_id = ?").run(id);
      database.prepare("update runs set state = 'cancelled', reason = 'enough' where id = ?").run(id);
    }
    await lab.startCoordinator();
    assert.equal(await exitCode(watching), 1, watching.said());
    assert.match(watching.said(), /The run was cancelled: enough/);
  });
});

describe('work of the coordinator itself that a kill interrupts', () => {
  test('an import starts again and leaves one whole dataset; a quantization goes on to its variants', async () => {
    await using lab = new Lab();
    const first = await lab.startCoordinator();
    await lab.qfleetOk('model', 'add', sampleModel, '--contract', sampleContract);
    const path = join(lab.folder, 'glyphs.npz');
    await writeGlyphs(path, { count: 6000 });
    const importing = lab.start(coordinatorCli, [
      'dataset',
      'add',
      path,
      '--name',
      'glyphs',
      '--split',
      '500',
    ]);
    await untilBegun(lab, 'import-dataset');
    assert.equal(look(lab, 'select count(*) from datasets'), 0, 'a dataset is there when all of it is');
    await first.stop('SIGKILL');
    const second = await lab.startCoordinator();
    assert.equal(await exitCode(importing), 0, importing.said());
    checkDataset(lab, { calibration: 500, evaluation: 5500 });

    const order = [
      'quantize',
      'glyphnet',
      '--calibration',
      'glyphs',
      '--recipe',
      'int8-per-tensor,int8-per-channel',
    ];
    const quantizing = lab.start(coordinatorCli, order);
    await untilBegun(lab, 'quantize');
    await second.stop('SIGKILL');
    await lab.startCoordinator();
    assert.equal(await exitCode(quantizing), 0, quantizing.said());
    const variants = JSON.parse(await lab.qfleetOk('variant', 'ls', 'glyphnet', '-o', 'json')) as {
      name: string;
    }[];
    const names = variants.map(({ name }) => name).toSorted();
    assert.deepEqual(
      names.filter((name) => name.startsWith('int8')),
      ['int8-per-channel', 'int8-per-tensor'],
    );
  });
});

async function untilBegun(lab: Lab, kind: string): Promise<void> {
  const query = `select count(*) from tasks where kind = '${kind}' and state = 'running' and progress_step is not null`;
  await until(`${kind} is under way`, () => look(lab, query) === 1);
}

/** Exactly one imported dataset, every shard of it stored under its digest, with that many inputs. */
function checkDataset(lab: Lab, counts: Readonly<Record<string, number>>): void {
  const name = "select record_json from datasets where name = 'glyphs'";
  const { splits } = JSON.parse(String(look(lab, name))) as {
    splits: Record<string, { shards: { digest: string; count: number }[] }>;
  };
  assert.deepEqual(Object.keys(splits).toSorted(), Object.keys(counts).toSorted());
  for (const [split, count] of Object.entries(counts)) {
    const shards = splits[split]?.shards ?? [];
    assert.equal(
      shards.reduce((sum, shard) => sum + shard.count, 0),
      count,
    );
    for (const { digest } of shards) {
      const bytes = readFileSync(join(lab.data, 'blobs/sha256', digest.slice(0, 2), digest));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), digest);
    }
  }
}
