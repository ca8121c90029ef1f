import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { parseDigest } from '@qfleet/shared/digest.ts';
import { syntheticEvidence } from '../analysis/synthetic-evidence.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { loadEvidence } from '../evidence/load-evidence.ts';
import { loadRun } from '../evidence/load-run.ts';
import { storeEvidence } from '../evidence/store-evidence.fixture.ts';
import { buildReport } from '../report/build-report.ts';
import { formatHtml } from '../report/format-html.ts';
import { formatJson } from '../report/format-json.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { renderComparison, renderReport } from './render-report.ts';

let folder = '';
let store: Store;
let blobs: BlobStore;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qfleet-render-'));
  store = await openStore(join(folder, 'data'));
  blobs = await openFileBlobStore(join(folder, 'blobs'));
  await storeEvidence(syntheticEvidence(), store, blobs);
});
after(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const folders = () => ({ blobs: join(folder, 'blobs'), summaries: join(folder, 'summaries') });

test('what comes out of the thread is the report, whole and in every byte', async () => {
  const stored = await loadRun('latest', store);
  const report = buildReport(await loadEvidence('latest', store, blobs));
  const order = { kind: 'run', stored, folders: folders() } as const;
  assert.equal(await text(await renderReport({ ...order, format: 'json' })), formatJson(report));
  assert.equal(await text(await renderReport({ ...order, format: 'html' })), formatHtml(report));
});

test('a reader who goes away ends the thread', async () => {
  const stored = await loadRun('latest', store);
  const report = await renderReport({ kind: 'run', stored, folders: folders(), format: 'json' });
  report.destroy();
  await once(report, 'close');
  // A thread that went on would keep this file's process from ending.
});

test('a comparison of a run with itself finds every cell, and none slower', async () => {
  const stored = await loadRun('latest', store);
  const { rows, unmatched } = await renderComparison({ subject: stored, base: stored, folders: folders() });
  assert.equal(unmatched, 0);
  assert.ok(rows.length > 0 && rows.every(({ sameFile, speed }) => sameFile && speed !== 'slower'));
});

test('what goes wrong in the thread keeps its code', async () => {
  const stored = await loadRun('latest', store);
  const { all } = stored.dataset?.splits ?? {};
  const labels = await blobs.read(parseDigest(all?.labelsBlob ?? ''));
  await blobs.remove(parseDigest(all?.labelsBlob ?? ''));
  await assert.rejects(renderReport({ kind: 'run', stored, folders: folders(), format: 'json' }), {
    code: 'not-found',
    message: /There is no blob/,
  });
  await blobs.put(labels);
});

test('a thread that runs out of memory says how many cells there are, and what to do', async () => {
  const stored = await loadRun('latest', store);
  const order = { kind: 'run', stored, folders: folders(), format: 'json' } as const;
  await assert.rejects(renderReport(order, 8 * 2 ** 20), (error: Error & { code: string; hint: string }) => {
    assert.equal(error.code, 'resource-exhausted');
    assert.match(
      error.message,
      /more than 8 MB: it is of \d+ cells \(run .*: \d+ devices, \d+ jobs, \d+ results/,
    );
    assert.match(error.hint, /--report-memory/);
    return true;
  });
});
