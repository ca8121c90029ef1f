import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStore } from './open-store.ts';
import { addExampleDevices, exampleResult, exampleRun } from './store-fixtures.ts';

const loop = fileURLToPath(new URL('./commit-loop.fixture.ts', import.meta.url));
const folders: string[] = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-open-'));
  folders.push(folder);
  return folder;
}

const database = (folder: string): string => join(folder, 'qfleet.db');
const log = (folder: string): string => join(folder, 'qfleet.db-wal');

/** A folder whose store was closed in order; some results are in it. */
async function makeStore(): Promise<string> {
  const folder = makeFolder();
  await using store = await openStore(folder);
  await addExampleDevices(store, { d1: 'boot' });
  await store.createRun(exampleRun('r', ['d1'], 40));
  for (let i = 0; i < 40; i++) {
    const job = await store.leaseNextJob('d1', 1000);
    const attempt = { jobId: job!.id, deviceId: 'd1', fence: job!.fence };
    await store.commitResult(exampleResult(attempt, { words: 'x'.repeat(9000) }));
  }
  return folder;
}

/** A copy of a folder whose owner was killed after 40 commits: the newest are in the log. */
async function makeKilledStore(): Promise<string> {
  const folder = makeFolder();
  cpSync(await killed, folder, { recursive: true });
  return folder;
}

async function killAtWork(): Promise<string> {
  const folder = makeFolder();
  const child = spawn(process.execPath, [loop, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let seen = 0;
  for await (const _line of createInterface({ input: child.stdout })) if (++seen === 40) break;
  child.kill('SIGKILL');
  await once(child, 'close');
  return folder;
}

const killed = killAtWork();

async function refuses(folder: string, ...expected: readonly RegExp[]): Promise<void> {
  await assert.rejects(openStore(folder), (error: Error & { code: string; hint?: string }) => {
    assert.equal(error.code, 'configuration', error.message);
    for (const pattern of expected) assert.match(`${error.message} ${error.hint}`, pattern);
    assert.ok(error.message.includes(folder), `names the file: ${error.message}`);
    return true;
  });
}

/** Another kind of file under the same name, made by a program. */
function replaceBy(program: string, path: string, ...args: readonly string[]): void {
  rmSync(path);
  spawnSync(program, [...args, path]);
}

describe('a data folder whose database cannot be used is refused with its path and the way back', () => {
  test('every page damaged, behind the first one’s header', async () => {
    const folder = await makeStore();
    const bytes = readFileSync(database(folder));
    for (let page = 0; page < bytes.length; page += 4096) bytes.fill(0xa5, page + 100, page + 1600);
    writeFileSync(database(folder), bytes);
    await refuses(folder, /qfleet\.db is damaged/, /backup/);
  });

  test('one page of results damaged, of which a start reads nothing', async () => {
    const folder = await makeStore();
    const bytes = readFileSync(database(folder));
    bytes.fill(0xff, bytes.length - 2 * 4096, bytes.length - 2 * 4096 + 40);
    writeFileSync(database(folder), bytes);
    await refuses(folder, /qfleet\.db is damaged/, /backup/);
  });

  test('records whose JSON is broken', async () => {
    const folder = await makeStore();
    const text = readFileSync(database(folder)).toString('latin1');
    const broken = text.replace('[]', '[,');
    writeFileSync(database(folder), Buffer.from(broken, 'latin1'));
    await refuses(folder, /broken JSON/, /backup/);
  });

  test('emptied, cut short, another file in its place, a folder, a named pipe, a link to nowhere, or deleted', async () => {
    const whole = await makeStore();
    const cases: [string, (path: string) => void, RegExp][] = [
      ['emptied', (path) => truncateSync(path), /is empty/],
      ['cut short', (path) => truncateSync(path, 3 * 4096), /is cut short/],
      ['garbage', (path) => writeFileSync(path, 'garbage '.repeat(2000)), /is no SQLite database/],
      ['short garbage', (path) => writeFileSync(path, 'x'), /is no SQLite database/],
      ['a folder', (path) => replaceBy('mkdir', path), /is a folder/],
      ['a pipe', (path) => replaceBy('mkfifo', path), /is no regular file/],
      ['a link', (path) => replaceBy('ln', path, '-s', '/nowhere/at/all'), /leads nowhere/],
      ['deleted', (path) => rmSync(path), /There is no .*qfleet\.db/],
    ];
    for (const [name, damage, expected] of cases) {
      const folder = makeFolder();
      for (const file of ['qfleet.db', 'database.json']) copyFileSync(join(whole, file), join(folder, file));
      damage(database(folder));
      await refuses(folder, expected, /[Rr]estore|put a backup/).catch((error) => {
        error.message = `${name}: ${error.message}`;
        throw error;
      });
    }
  });

  test('a database of another program, and one of a newer version, which are left as they were', async () => {
    const other = makeFolder();
    const newer = await makeStore();
    {
      using foreign = new DatabaseSync(database(other));
      foreign.exec('create table bookmarks (url text)');
      using own = new DatabaseSync(database(newer));
      own.exec("insert into migrations values ('9999-from-the-future', 0)");
    }
    const before = [other, newer].map((folder) => readFileSync(database(folder)).readUInt32BE(60));
    await refuses(other, /is a database of another program/, /backup/);
    await refuses(newer, /was written by a newer qfleet \(9999-from-the-future\)/);
    assert.deepEqual(
      [other, newer].map((folder) => readFileSync(database(folder)).readUInt32BE(60)),
      before,
    );
  });

  test('a log with damage before later commits, and one that belongs to another database', async () => {
    const folder = await makeKilledStore();
    const bytes = readFileSync(log(folder));
    bytes[32 + 24 + 4096 + 500]! ^= 1;
    writeFileSync(log(folder), bytes);
    await refuses(folder, /qfleet\.db-wal is damaged/, /acknowledged/);
    const restored = await makeStore();
    copyFileSync(log(await makeKilledStore()), log(restored));
    await refuses(restored, /belongs to another database/, /Move/);
  });
});

describe('a start says what it can know of lost results', () => {
  test('a copy of a database in use without its log', async () => {
    const folder = await makeKilledStore();
    rmSync(log(folder));
    await using store = await openStore(folder);
    assert.match(store.notices.join(), /no qfleet\.db-wal: .*missing/);
  });

  test('an older database than the last one', async () => {
    const folder = await makeStore();
    const backup = join(makeFolder(), 'backup.db');
    copyFileSync(database(folder), backup);
    await (await openStore(folder))[Symbol.asyncDispose]();
    copyFileSync(backup, database(folder));
    {
      await using store = await openStore(folder);
      assert.match(store.notices.join(), /is older than the one that was here last/);
    }
    await using store = await openStore(folder);
    assert.deepEqual(store.notices, [], 'once is enough');
  });

  test('results whose bytes have changed', async () => {
    const folder = await makeStore();
    const raw = new DatabaseSync(database(folder));
    raw.exec("update results set bytes = x'7b7d' where digest = (select min(digest) from results)");
    raw.close();
    await using store = await openStore(folder);
    assert.match(store.notices.join(), /1 stored results are damaged/);
  });

  test('nothing after an orderly end, nor after a kill', async () => {
    for (const folder of [await makeStore(), await makeKilledStore()]) {
      await using store = await openStore(folder);
      assert.deepEqual(store.notices, []);
    }
  });
});

describe('one owner', () => {
  test('no file can be deleted to let a second one in', async () => {
    const folder = makeFolder();
    await using first = await openStore(folder);
    for (const name of readdirSync(folder)) if (name !== 'qfleet.db') rmSync(join(folder, name));
    const second = spawnSync(process.execPath, [loop, folder], { encoding: 'utf8', timeout: 60_000 });
    assert.match(second.stderr, /expected no other/);
    assert.deepEqual(await first.listRuns(), []);
  });

  test('a database that is reached by a second name has the same owner', async () => {
    const folder = await makeStore();
    await using _first = await openStore(folder);
    const other = makeFolder();
    linkSync(database(folder), database(other));
    const second = spawnSync(process.execPath, [loop, other], { encoding: 'utf8', timeout: 60_000 });
    assert.match(second.stderr, /expected no other/);
  });

  test('a leftover lock of an older version, whatever is in it, is nobody’s', async () => {
    const folder = await makeStore();
    writeFileSync(join(folder, 'owner.lock'), 'junk '.repeat(100));
    writeFileSync(join(folder, 'owner.json'), 'junk');
    await using store = await openStore(folder);
    assert.equal((await store.listRuns()).length, 1);
  });
});

describe('a data folder that others can change', () => {
  test('is refused where every user may write, and where it is no folder', async () => {
    const folder = makeFolder();
    chmodSync(folder, 0o777);
    await refuses(folder, /Every user of this machine can write/, /chmod 700/);
    chmodSync(folder, 0o700);
    writeFileSync(join(folder, 'file'), '');
    await refuses(join(folder, 'file'), /cannot be used/);
  });

  test('is refused where it is another user’s', { skip: process.getuid?.() !== 0 && 'needs root' }, () => {
    const folder = makeFolder();
    chmodSync(folder, 0o770);
    chownSync(folder, 65533, 0);
    const other = { uid: 65534, gid: 0, encoding: 'utf8', timeout: 60_000 } as const;
    const { stderr } = spawnSync(process.execPath, [loop, folder], other);
    assert.match(stderr, /belongs to user 65533; this coordinator runs as user 65534/);
  });

  test('a link planted under the name of a temporary file is not followed', async () => {
    const folder = makeFolder();
    const victim = join(makeFolder(), 'victim');
    writeFileSync(victim, 'precious');
    for (const name of ['owner.json', 'database.json']) spawnSync('ln', ['-s', victim, join(folder, name)]);
    await (await openStore(folder))[Symbol.asyncDispose]();
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    assert.equal(statSync(join(folder, 'database.json')).mode & 0o777, 0o600);
  });
});
