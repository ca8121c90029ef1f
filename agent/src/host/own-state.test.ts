import assert from 'node:assert/strict';
import { mkdir, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { ownState } from './own-state.ts';

const taken = { code: 'configuration', message: /Another agent is running with the state folder/ };

test('a state folder has one owner, by whatever links it is reached', async () => {
  await using folder = await temporaryFolder();
  const state = join(folder.path, 'board', 'state');
  await mkdir(state, { recursive: true });
  await symlink(state, join(folder.path, 'link'));
  await symlink(join(folder.path, 'board'), join(folder.path, 'parent'));
  const others = [join(folder.path, 'link'), join(folder.path, 'parent', 'state')];
  {
    await using owned = await ownState(state);
    for (const other of [state, ...others]) await assert.rejects(ownState(other), taken);
    assert.ok(owned.path.endsWith('board/state'));
  }
  for (const other of others) {
    await using again = await ownState(other);
    assert.ok(again.path.endsWith('board/state'));
  }
});

test('a folder that was moved, and another in its place, are their owner’s still', async () => {
  await using folder = await temporaryFolder();
  const [state, moved] = [join(folder.path, 'state'), join(folder.path, 'moved')];
  await mkdir(state);
  await using _owned = await ownState(state);
  await rename(state, moved);
  await assert.rejects(ownState(moved), taken);
  await mkdir(state);
  await assert.rejects(ownState(state), taken);
});
