import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { resolveDataDir } from './resolve-data-dir.ts';

const root = mkdtempSync(join(tmpdir(), 'qfleet-data-dir-'));
after(() => rmSync(root, { recursive: true }));

test('the flag wins over the environment, the environment over the folder', () => {
  const env = { QFLEET_DATA: 'from-env' };
  assert.equal(resolveDataDir({ flag: 'from-flag', env, cwd: root }), join(root, 'from-flag'));
  assert.equal(resolveDataDir({ flag: undefined, env, cwd: root }), join(root, 'from-env'));
});

test('a project’s data folder is found from its subfolders', () => {
  const project = join(root, 'project');
  const cwd = join(project, 'models', 'int8');
  mkdirSync(cwd, { recursive: true });
  assert.equal(resolveDataDir({ flag: undefined, env: {}, cwd }), join(cwd, '.qfleet'));
  mkdirSync(join(project, '.qfleet'));
  assert.equal(resolveDataDir({ flag: undefined, env: {}, cwd }), join(project, '.qfleet'));
});
