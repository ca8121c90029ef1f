import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unavailable } from '@qfleet/shared/reading.ts';
import { type SyntheticPlace, syntheticEvidence } from '../analysis/synthetic-evidence.ts';
import { buildReport } from './build-report.ts';
import { buildSections, type ReportText } from './build-sections.ts';
import { formatTable } from './format-table.ts';

const place: SyntheticPlace = { deviceId: 'pi3', backendId: 'onnxruntime-cpu', latencyNs: 2e6, inputs: 40 };
const emulated: SyntheticPlace = { ...place, deviceId: 'virtual', emulated: true, inputs: 10 };
const evidence = syntheticEvidence({ places: [place, emulated] });
const report = buildReport(evidence);

/** Codes that the tables of a report's text refer to. */
function codesIn({ sections }: ReportText): Set<string> {
  const cells = sections.flatMap(({ table }) => table.rows.flat());
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/\(([a-z]{1,2})\)/g)].map(([, code]) => code!)));
}

test('every footnote is of a table that is shown, with details and without', () => {
  for (const details of [true, false]) {
    const text = buildSections(report, { details });
    assert.ok(text.footnotes.length > 0);
    assert.deepEqual(new Set(text.footnotes.map(({ code }) => code)), codesIn(text), `details: ${details}`);
  }
  // A ladder with a step that was not to be had, which the terminal does not show.
  const [device, ...others] = report.devices;
  const load = unavailable('mem.latency', 'ns', 'only-in-the-ladder');
  const probe = { ...device!.probe, latencyLadder: [{ workingSetBytes: 4096, load }] };
  const text = formatTable({ ...report, devices: [{ ...device!, probe }, ...others] });
  assert.doesNotMatch(text, /only-in-the-ladder/);
});

test('a column without a value has no unit', () => {
  const untimed = buildReport(syntheticEvidence({ places: [emulated] }));
  const shown = buildSections(untimed).sections.flatMap(({ table }) =>
    table.columns.flatMap(({ title, numeric }, i) =>
      numeric && table.rows.every((row) => /^(n\/a|ref)\b/.test(row[i]!)) ? [title] : [],
    ),
  );
  assert.ok(shown.length > 0);
  assert.deepEqual(
    shown.filter((title) => /, [^ ]+$/.test(title.replace(/, (1 thread|all)$/, ''))),
    [],
  );
});

test('the header says how many inputs were judged, of how many', () => {
  const subtitle = (changed = report) => buildSections(changed).subtitle;
  assert.match(subtitle(), /, 10 to 40 of 40 inputs evaluated ·/);
  const dataset = { ...report.dataset!, count: 10_000 };
  const judged = (least: number, most: number) =>
    subtitle({ ...report, dataset: { ...dataset, evaluated: { least, most } } });
  assert.match(judged(9500, 9500), /, 9500 of 10000 inputs evaluated ·/);
  assert.match(judged(10_000, 10_000), /, 10000 inputs ·/);
  const { evaluated: _none, ...alone } = dataset;
  assert.match(subtitle({ ...report, dataset: alone }), /, none of 10000 inputs evaluated ·/);
});
