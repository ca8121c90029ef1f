import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parquetReadObjects } from 'hyparquet';
import { type SyntheticOptions, syntheticEvidence } from '../analysis/synthetic-evidence.ts';
import { buildReport } from './build-report.ts';
import { formatCsv } from './format-csv.ts';
import { formatHtml } from './format-html.ts';
import { formatJson } from './format-json.ts';
import { formatMarkdown } from './format-markdown.ts';
import { formatParquet } from './format-parquet.ts';
import { formatTable } from './format-table.ts';
import { type Report, reportSchema } from './report.ts';
import { reportJsonSchema } from './report-json-schema.ts';

const report = buildReport(syntheticEvidence());
const place = { deviceId: 'workbench', backendId: 'onnxruntime-cpu', latencyNs: 2e6, inputs: 60 };
const formats = { formatCsv, formatHtml, formatJson, formatMarkdown, formatTable };

test('the published schema is the one that the types give', async () => {
  const published = JSON.parse(await readFile(new URL('report.schema.json', import.meta.url), 'utf8'));
  assert.deepEqual(
    published,
    JSON.parse(JSON.stringify(reportJsonSchema())),
    'write it anew: node coordinator/src/report/write-report-schema.ts',
  );
});

test('reports of whole, partial and failed runs satisfy the published schema', () => {
  const validate = new Ajv2020({ strict: false }).compile(reportJsonSchema());
  const runs: SyntheticOptions[] = [
    {},
    { labels: 'none', launches: 2 },
    { places: [{ ...place, measureFailure: { class: 'timeout', message: 'too slow' } }] },
    { places: [{ ...place, emulated: true }] },
  ];
  for (const options of runs) {
    const json: unknown = JSON.parse(formatJson(buildReport(syntheticEvidence(options))));
    assert.ok(validate(json), JSON.stringify(validate.errors?.slice(0, 3)));
    assert.deepEqual(reportSchema.parse(json), json);
  }
  assert.equal(validate({ ...report, cells: [{}] }), false);
});

test('JSON made piece by piece is the report’s JSON, indented by one space', () => {
  assert.equal(formatJson(report), `${JSON.stringify(report, undefined, 1)}\n`);
  const empty = { ...report, cells: [], findings: [], noiseFloor: undefined } as unknown as Report;
  assert.equal(formatJson(empty), `${JSON.stringify(empty, undefined, 1)}\n`);
});

test('equal evidence gives equal bytes in every format', () => {
  const again = buildReport(syntheticEvidence());
  for (const format of Object.values(formats)) assert.equal(format(report), format(again));
});

test('another seed moves intervals of many launches, and no value', () => {
  // Of few launches every resample is taken, and there is nothing random in it.
  const evidence = syntheticEvidence({ launches: 9 });
  const report = buildReport(evidence);
  const run = { ...evidence.run, plan: { ...evidence.run.plan, seed: 77 } };
  const reseeded = buildReport({ ...evidence, run });
  const readingsOf = (from: typeof report) =>
    from.cells.flatMap((cell) =>
      Object.values(cell.readings).map((reading) =>
        reading.status === 'unavailable' ? reading.reason : reading.value,
      ),
    );
  assert.deepEqual(readingsOf(reseeded), readingsOf(report));
  assert.notDeepEqual(reseeded.cells[0]?.readings['latency.mean'], report.cells[0]?.readings['latency.mean']);
});

test('the terminal table has units in its headers and a reason for everything missing', () => {
  const text = formatTable(report);
  for (const header of [
    'p50, ms',
    'p90, ms',
    'p99, ms',
    'speed-up, ×',
    'size, MB',
    'loss, points',
    'SQNR, dB',
  ]) {
    assert.ok(text.includes(header), header);
  }
  const used = new Set([...text.matchAll(/(?:n\/a|identical) \((\w+)\)/g)].map((match) => match[1]));
  assert.ok(used.size > 0);
  for (const code of used) assert.match(text, new RegExp(`^  \\(${code}\\) \\S`, 'm'));
  assert.doesNotMatch(text, /NaN|undefined|Infinity|null/);
});

test('no format shows a zero or a blank for what could not be measured', () => {
  const emulated = buildReport(syntheticEvidence({ places: [{ ...place, emulated: true }] }));
  const rows = formatCsv(emulated).split('\r\n');
  const p50 = rows.filter((row) => row.includes(',latency.p50,'));
  assert.equal(p50.length, 3);
  for (const row of p50) assert.match(row, /,latency\.p50,unavailable,,ns,.*emulated: by qemu-user/);
  assert.match(formatMarkdown(emulated), /\| fp32 \| n\/a \(a\) \|/);
});

test('text from devices cannot run, link, break a table or start a formula', () => {
  const name = '=cmd|"<img src=x onerror=alert(1)>\u001b[31m`[x](javascript:1)\u0007\r\n| evil |</script>';
  const hostile = buildReport(syntheticEvidence({ places: [{ ...place, deviceName: name }] }));
  const html = formatHtml(hostile);
  assert.doesNotMatch(html, /<img|<\/script>(?=.*<\/script>)/s);
  assert.ok(html.includes('&lt;img src=x'));
  for (const text of [formatTable(hostile), formatMarkdown(hostile), html, formatCsv(hostile)]) {
    assert.equal(text.includes('\u001b') || text.includes('\u0007'), false);
  }
  assert.doesNotMatch(formatMarkdown(hostile), /<img|[^\\]\[x[^\\]?\]\(/);
  const csv = formatCsv(hostile);
  assert.ok(csv.includes(`,"'=cmd|""<img`), csv.slice(0, 400));
});

test('CSV has one row per reading and parses back to the values of the report', () => {
  const [header, ...rows] = formatCsv(report).trimEnd().split('\r\n').map(parseCsvLine);
  const column = (name: string): number => header?.indexOf(name) ?? -1;
  const cells = rows.filter((row) => row[column('kind')] === 'cell');
  const expected = report.cells.reduce(
    (sum, cell) => sum + Object.keys(cell.readings).length + cell.operators.length,
    0,
  );
  assert.equal(cells.length, expected);
  const first = report.cells[0]?.readings['latency.p50'];
  const row = cells.find((cell) => cell[column('quantity')] === 'latency.p50');
  assert.ok(first && first.status !== 'unavailable');
  assert.equal(Number(row?.[column('value')]), first.value);
  assert.equal(row?.[column('unit')], 'ns');
  for (const cell of rows) assert.equal(cell.length, header?.length);
});

test('the page is self-contained, runs nothing, and has a table for every figure', () => {
  const html = formatHtml(report);
  assert.ok(html.length < 2_000_000);
  assert.match(html, /default-src 'none'; style-src 'unsafe-inline'; img-src data:/);
  assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
  const scripts = [...html.matchAll(/<script\b[^>]*>/g)].map(([tag]) => tag);
  assert.deepEqual(scripts, ['<script type="application/json" id="report">']);
  const figures = [...html.matchAll(/<figure id="([\w-]+)".*?<\/figure>/gs)];
  assert.deepEqual(
    figures.map((match) => match[1]),
    [
      'figure-latency',
      'figure-distribution',
      'figure-tradeoff',
      'figure-size',
      'figure-roofline',
      'figure-transfer',
      'figure-bandwidth',
      'figure-ladder',
      'figure-layer-check',
    ],
  );
  for (const [figure] of figures) {
    assert.match(figure, /<figcaption>\S/);
    assert.match(figure, /<p class="soft" id="[\w-]+-summary">\S/);
    assert.match(figure, /<svg[^>]+role="img"/);
    assert.match(figure, /<table>.*<tbody>\s*<tr>/s);
  }
  const embedded = /<script type="application\/json" id="report">(.*?)<\/script>/s.exec(html)?.[1] ?? '';
  assert.deepEqual(JSON.parse(embedded), JSON.parse(formatJson(report)));
});

test('a run without any timing or label still gives a page, without the figures that need them', () => {
  const bare = buildReport(syntheticEvidence({ labels: 'none', places: [{ ...place, emulated: true }] }));
  const html = formatHtml(bare);
  assert.doesNotMatch(html, /figure-latency|figure-tradeoff/);
  assert.match(html, /figure-size/);
  assert.match(formatTable(bare), /agrees with fp32 on [\d.]+ % of 60 inputs \(no accuracy: no-labels\)/);
});

test('the digests, versions, plan and seed to do the run again are in the page', () => {
  const html = formatHtml(report);
  for (const variant of report.variants) assert.ok(html.includes(variant.digest));
  for (const result of report.results) assert.ok(html.includes(result.digest));
  for (const word of ['4000 resamples', 'seed 1', 'onnxruntime-cpu 1.30.0', 'Node 24.21.0']) {
    assert.ok(html.includes(word), word);
  }
});

/** One line of RFC 4180 without line breaks in its fields. */
function parseCsvLine(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    (match) => match[1]?.replaceAll('""', '"') ?? match[2] ?? '',
  );
}

test('Parquet holds the rows of the CSV', async () => {
  const bytes = formatParquet(report);
  const rows = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
  const csv = formatCsv(report).trimEnd().split('\r\n');
  assert.equal(rows.length, csv.length - 1);
  assert.deepEqual(Object.keys(rows[0]!), csv[0]!.split(','));
  const p50 = rows.find(({ kind, quantity }) => kind === 'cell' && quantity === 'latency.p50');
  const reading = report.cells[0]!.readings['latency.p50']!;
  assert.ok(reading.status !== 'unavailable');
  assert.deepEqual([p50!['value'], p50!['unit'], p50!['reason']], [reading.value, 'ns', null]);
});
