import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPlan } from './read-plan.ts';

const cwd = mkdtempSync(join(tmpdir(), 'qfleet-plan-'));
after(() => rmSync(cwd, { recursive: true }));

test('flags make a plan with the defaults filled in', async () => {
  const plan = await readPlan({ cwd }, undefined, {
    model: 'mnist-8',
    dataset: 'mnist',
    launches: 8,
    threads: 2,
  });
  assert.equal(plan.model, 'mnist-8');
  assert.equal(plan.evaluation?.dataset, 'mnist');
  assert.equal(plan.evaluation?.comparison, 256);
  assert.equal(plan.timing.launches, 8);
  assert.equal(plan.timing.profile, 'quick');
  assert.equal(plan.settings[0]?.threads, 2);
});

test('a flag wins over the file and leaves the rest of it', async () => {
  writeFileSync(
    join(cwd, 'plan.yaml'),
    'model: a\nevaluation: {dataset: d, limit: 10}\ntiming: {launches: 9}\n',
  );
  const plan = await readPlan({ cwd }, 'plan.yaml', { model: 'b', limit: 20, timing: false });
  assert.equal(plan.model, 'b');
  assert.deepEqual([plan.evaluation?.dataset, plan.evaluation?.limit], ['d', 20]);
  assert.deepEqual([plan.timing.launches, plan.timing.enabled], [9, false]);
});

test('every wrong field of a plan is named', async () => {
  writeFileSync(join(cwd, 'wrong.yaml'), 'model: a\nvarients: [x]\ntiming: {launches: 0}\n');
  await assert.rejects(readPlan({ cwd }, 'wrong.yaml', {}), (error: Error & { code: string }) => {
    assert.equal(error.code, 'usage');
    assert.match(error.message, /timing\.launches/);
    assert.match(error.message, /varients/);
    assert.match(String((error as Error & { hint?: string }).hint), /Did you mean variants\?/);
    return true;
  });
  await assert.rejects(readPlan({ cwd }, undefined, {}), { code: 'usage', message: /model: missing$/ });
  writeFileSync(join(cwd, 'misplaced.yaml'), 'model: a\nlaunchs: 3\n');
  await assert.rejects(readPlan({ cwd }, 'misplaced.yaml', {}), { hint: 'Did you mean timing.launches?' });
  writeFileSync(join(cwd, 'strange.yaml'), 'model: a\nxyzzyplugh: 3\n');
  await assert.rejects(readPlan({ cwd }, 'strange.yaml', {}), {
    hint: /^A plan takes name, purpose, model, variants/,
  });
});
