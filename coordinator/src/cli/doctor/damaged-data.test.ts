import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { openAuthority } from '../../pki/open-authority.ts';
import { openStore } from '../../store/open-store.ts';
import { addExampleDevices } from '../../store/store-fixtures.ts';
import type { CliContext } from '../cli-context.ts';
import type { Check, Finding } from './check.ts';
import { checkCertificates } from './check-certificates.ts';
import { checkDataFolder } from './check-data-folder.ts';
import { checkDatabaseOfFolder } from './check-database.ts';

const root = mkdtempSync(join(tmpdir(), 'qfleet-doctor-'));
after(() => rmSync(root, { recursive: true, force: true }));

const look = (check: Check, dataDir: string): Promise<Finding> =>
  check({ dataDir, context: {} as CliContext });

async function makeData(name: string): Promise<string> {
  const dataDir = join(root, name);
  await using store = await openStore(dataDir);
  await addExampleDevices(store, { d1: 'boot', d2: 'boot' });
  await openAuthority(dataDir, { nowMs: Date.now() });
  return dataDir;
}

test('a whole database is ok, in use or not, and is left as it was', async () => {
  const dataDir = await makeData('whole');
  const before = readFileSync(join(dataDir, 'qfleet.db'));
  assert.equal((await look(checkDatabaseOfFolder, dataDir)).state, 'ok');
  assert.deepEqual(readFileSync(join(dataDir, 'qfleet.db')), before);
  await using _store = await openStore(dataDir);
  assert.equal((await look(checkDatabaseOfFolder, dataDir)).state, 'ok');
  assert.ok(existsSync(join(dataDir, 'qfleet.db-wal')), 'the log of its owner is still there');
  assert.equal((await look(checkDatabaseOfFolder, join(root, 'none'))).state, 'ok');
});

test('a database with damaged pages, an emptied and a deleted one have failed, with the way back', async () => {
  const dataDir = await makeData('damaged');
  const path = join(dataDir, 'qfleet.db');
  const bytes = readFileSync(path);
  for (let page = 0; page < bytes.length; page += 4096) bytes.fill(0x5a, page + 100, page + 1500);
  writeFileSync(path, bytes);
  for (const damage of [() => undefined, () => truncateSync(path), () => rmSync(path)]) {
    damage();
    const { state, detail, fix } = await look(checkDatabaseOfFolder, dataDir);
    assert.equal(state, 'failed', detail);
    assert.ok(detail.includes(path), detail);
    assert.match(fix ?? '', /backup/);
  }
});

test('a database of a newer version has failed, with what to do', async () => {
  const dataDir = await makeData('newer');
  const raw = new DatabaseSync(join(dataDir, 'qfleet.db'));
  raw.exec("insert into migrations values ('9999-from-the-future', 0)");
  raw.close();
  const { state, detail, fix } = await look(checkDatabaseOfFolder, dataDir);
  assert.deepEqual([state, /newer qfleet/.test(detail)], ['failed', true]);
  assert.match(fix ?? '', /that version/);
});

test('a damaged key or certificate of the authority is named', async () => {
  const dataDir = await makeData('pki');
  assert.equal((await look(checkCertificates, dataDir)).state, 'ok');
  for (const name of ['ca.key', 'ca.crt']) {
    writeFileSync(join(dataDir, 'pki', name), 'junk');
    const { state, detail } = await look(checkCertificates, dataDir);
    assert.equal(state, 'failed');
    assert.ok(detail.includes(join(dataDir, 'pki', name)), detail);
  }
});

test('a data folder that every user can write to has failed', async () => {
  const dataDir = await makeData('open');
  chmodSync(dataDir, 0o777);
  assert.equal((await look(checkDataFolder, dataDir)).state, 'failed');
});
