import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { testDataPath } from '../../../test/support/test-data.ts';
import { discardedQueries } from './early-stopping.ts';

test('the discard counts of MLPerf’s own summaries follow from their query counts', async (t) => {
  const archive = testDataPath('benchmarks/mlperf-inference-v2.0-raw.tar.gz');
  const tar = spawn('tar', ['-xzOf', archive, '--wildcards', '*mlperf_log_summary.txt']);
  let text = '';
  for await (const chunk of tar.stdout.setEncoding('utf8')) text += chunk;
  const stated =
    /queries \((\d+)\)\.\s+\* Would discard (\d+) highest latency queries\.\s+\* Early stopping (\d+)(?:st|nd|rd|th) percentile/g;
  let seen = 0;
  for (const [, queries, discarded, percentile] of text.matchAll(stated)) {
    seen++;
    assert.equal(
      discardedQueries(Number(queries), Number(percentile) / 100),
      Number(discarded),
      `${queries} queries`,
    );
  }
  t.diagnostic(`${seen} summaries state it`);
  assert.ok(seen > 1000, `only ${seen}`);
});
