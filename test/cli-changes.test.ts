import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sampleModel, writeGlyphs } from './support/glyph-data.ts';
import { Lab, until } from './support/lab.ts';
import { projectFolder } from './support/project-folder.ts';

const cli = join(projectFolder, 'coordinator/src/cli/main.ts');

/** The one JSON object on standard error of a command that failed under `-o json`. */
function errorOf({ stderr }: { readonly stderr: string }): { code: string; message: string; hint?: string } {
  return JSON.parse(stderr).error;
}

test('what was added can be removed, what is in use is not, and gc frees the rest', async (context) => {
  await using lab = new Lab();
  await lab.startCoordinator();
  const glyphs = join(lab.folder, 'glyphs.npz');
  await writeGlyphs(glyphs, { count: 40 });

  await context.test('a device that was made and never connected is called that', async () => {
    await lab.qfleetOk('device', 'add', 'later', '--out', join(lab.folder, 'later'));
    assert.match(await lab.qfleetOk('device', 'ls'), /later +never connected/);
    assert.deepEqual(JSON.parse(await lab.qfleetOk('device', 'rm', 'later', '-o', 'json')), { done: true });
  });

  await context.test('a wrong contract is corrected by removing the model', async () => {
    const added = await lab.qfleetOk(
      'model',
      'add',
      sampleModel,
      '--name',
      'm',
      '--preset',
      'raw',
      '-o',
      'json',
    );
    assert.equal(JSON.parse(added).name, 'm');
    const other = ['model', 'add', sampleModel, '--name', 'm', '--preset', 'unit'];
    const refused = await lab.qfleet(...other, '-o', 'json');
    assert.equal(errorOf(refused).code, 'already-exists');
    assert.match(errorOf(refused).hint ?? '', /\.\/qfleet model rm m$/);
    await lab.qfleetOk('model', 'rm', 'm');
    await lab.qfleetOk(...other);
  });

  await lab.qfleetOk('dataset', 'add', glyphs, '--split', '16');
  const quantize = ['quantize', 'm', '--calibration', 'glyphs', '--recipe', 'int8-per-tensor'];
  const made = await lab.qfleet(...quantize);
  assert.match(made.stderr, /Next: \.\/qfleet run create --model m --dataset glyphs --wait/);
  const agent = await lab.startAgent('board', '--backends', 'onnxruntime-cpu');

  await context.test(
    'Ctrl-C says that the run goes on, and how to come back and how to stop it',
    async () => {
      // Stopped, the agent's job does not end before the signal.
      agent.child.kill('SIGSTOP');
      const run = ['run', 'create', '--model', 'm', '--dataset', 'glyphs', '--limit', '5', '--no-timing'];
      const waiting = lab.start(cli, [...run, '--no-probe', '--wait']);
      await until('it waits', () => /0 of 2 jobs/.test(waiting.said()), waiting);
      waiting.child.kill('SIGINT');
      await until('it has left', () => waiting.child.exitCode !== null);
      const [{ id }] = JSON.parse(await lab.qfleetOk('run', 'ls', '-o', 'json'));
      assert.equal(waiting.child.exitCode, 130);
      assert.match(
        waiting.said(),
        new RegExp(`the run ${id} goes on[\\s\\S]*run watch ${id}.*run cancel ${id}`),
      );
      for (const [what, ...names] of [
        ['model', 'm'],
        ['variant', 'm', 'int8-per-tensor'],
        ['dataset', 'glyphs'],
      ]) {
        const refused = await lab.qfleet(what!, 'rm', ...names, '--force', '-o', 'json');
        assert.deepEqual([refused.code, errorOf(refused).code], [1, 'failed-precondition']);
        assert.match(errorOf(refused).message, new RegExp(`the run ${id} is running`));
      }
      const cancelled = JSON.parse(await lab.qfleetOk('run', 'cancel', id, '-o', 'json'));
      assert.equal(cancelled.state, 'cancelled');
      agent.child.kill('SIGCONT');
    },
  );

  await context.test('the derived dataset of a cancelled run goes with gc', async () => {
    const derived = async (): Promise<string[]> =>
      JSON.parse(await lab.qfleetOk('dataset', 'ls', '-o', 'json'))
        .filter(({ derivedFrom }: { derivedFrom?: unknown }) => derivedFrom)
        .map(({ name }: { name: string }) => name);
    assert.deepEqual(await derived(), ['glyphs@first-evaluation-5']);
    await until('the device has stopped', async () => {
      const found = JSON.parse(await lab.qfleetOk('gc', '--dry-run', '-o', 'json'));
      return found.derivedDatasets.length === 1 && found.freedBytes === 0;
    });
    const done = JSON.parse(await lab.qfleetOk('gc', '-o', 'json'));
    assert.ok(done.freedBytes > 5 * 32 * 32, `${done.freedBytes} B`);
    assert.deepEqual(await derived(), []);
  });

  await context.test('rm names what refers to the thing, and takes it along by force', async () => {
    const refused = await lab.qfleet('variant', 'rm', 'm', 'int8-per-tensor');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /The variant int8-per-tensor is in use: 1 run \(run-\w+\)[\s\S]*--force/);
    const [{ id }] = JSON.parse(await lab.qfleetOk('run', 'ls', '-o', 'json'));
    await lab.qfleetOk('run', 'rm', id);
    const removed = JSON.parse(await lab.qfleetOk('variant', 'rm', 'm', 'int8-per-tensor', '-o', 'json'));
    assert.ok(removed.freedBytes > 10_000, 'the file goes at once');
    await lab.qfleetOk('dataset', 'rm', 'glyphs');
    await lab.qfleetOk('model', 'rm', 'm');
    assert.deepEqual(JSON.parse(await lab.qfleetOk('model', 'ls', '-o', 'json')), []);
  });

  await context.test('a connected device is not removed without a yes', async () => {
    const asked = await lab.qfleet('device', 'rm', 'board');
    assert.equal(asked.code, 2);
    assert.match(asked.stderr, /board is connected[\s\S]*--yes/);
    await lab.qfleetOk('device', 'rm', 'board', '--yes');
    assert.deepEqual(JSON.parse(await lab.qfleetOk('device', 'ls', '-o', 'json')), []);
  });

  await context.test('a report is not written in a format that nobody asked for', async () => {
    const refused = await lab.qfleet('report', 'latest', '--out', 'report.pdf');
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /report\.pdf[\s\S]*\.md, \.json, \.csv, \.html, \.parquet/);
  });

  await context.test(
    'a failure under -o json is one JSON object, also of the command line itself',
    async () => {
      assert.equal(errorOf(await lab.qfleet('model', 'show', 'none', '-o', 'json')).code, 'not-found');
      const usage = await lab.qfleet('run', 'create', '--modle', 'x', '--output=json');
      assert.deepEqual([usage.code, errorOf(usage).code, usage.stdout], [2, 'usage', '']);
      const wrong = await lab.qfleet('model', 'rm', 'none', '-o', 'xml');
      assert.match(wrong.stderr, /Expected -o text or json/);
    },
  );
});

test('quantizing plain files ends with Ctrl-C, and leaves no process and no folder', async () => {
  await using lab = new Lab();
  const glyphs = join(lab.folder, 'glyphs.npz');
  await writeGlyphs(glyphs, { count: 400 });
  const order = [
    'quantize',
    sampleModel,
    '--calibration',
    glyphs,
    '--recipe',
    'all',
    '--out',
    join(lab.folder, 'out'),
  ];
  const quantizing = lab.start(cli, order);
  await until('it works', () => /calibrat|search|%/.test(quantizing.said()), quantizing);
  const children = childrenOf(quantizing.child.pid!);
  quantizing.child.kill('SIGINT');
  await until('it has ended', () => quantizing.child.exitCode !== null);
  assert.equal(quantizing.child.exitCode, 130);
  assert.match(quantizing.said(), /qfleet: stopped\./);
  await until('its children have ended', () => children.every((pid) => childrenAlive(pid) === false));
  assert.ok(!readdirSync(lab.folder).includes('out'));
});

test('an emulated board without an identity is refused before anything is fetched', async () => {
  await using lab = new Lab();
  const refused = await lab.qfleet('virtual-device', 'start', 'pi3', '--identity', join(lab.folder, 'none'));
  if (/needs Linux|not installed|needs .* to fetch/.test(refused.stderr)) return;
  assert.equal(refused.code, 78, refused.stderr);
  assert.match(refused.stderr, /there is no .*none\/device\.key; make one .*qfleet device add/);
  assert.doesNotMatch(refused.stderr, /getting/);
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

function childrenAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
