import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { openAuthority } from '../coordinator/src/pki/open-authority.ts';
import { sampleContract, sampleModel, writeGlyphs } from './support/glyph-data.ts';
import { Lab } from './support/lab.ts';

test('a bundle of a run is verified offline, and a change of any part of it is found', async () => {
  await using lab = new Lab();
  const coordinator = await lab.startCoordinator();
  await lab.startAgent('here', '--backends', 'onnxruntime-cpu');
  await writeGlyphs(join(lab.folder, 'glyphs.npz'), { count: 60 });
  await lab.qfleetOk('model', 'add', sampleModel, '--name', 'glyphs', '--contract', sampleContract);
  await lab.qfleetOk('dataset', 'add', join(lab.folder, 'glyphs.npz'), '--split', '30');
  await lab.qfleetOk('quantize', 'glyphs', '--calibration', 'glyphs', '--recipe', 'int8-min-max');
  const order = [
    '--model',
    'glyphs',
    '--dataset',
    'glyphs',
    '--duration',
    '20',
    '--repeats',
    '0',
    '--no-probe',
    '--wait',
  ];
  await lab.qfleetOk('run', 'create', ...order);
  await lab.qfleetOk('report', 'latest', '--out', 'first.json', '--bundle', 'evidence.zip');
  await lab.qfleetOk('report', 'latest', '--out', 'again.json');
  await coordinator.stop();

  const verified = await lab.qfleet('verify', 'evidence.zip');
  assert.equal(verified.code, 0, verified.stderr);
  assert.match(verified.stderr, /3 results, signed by here/);
  assert.match(verified.stderr, /\d{2,} readings of the report, computed anew and found equal/);

  assert.match(verified.stderr, /Keys that signed:\s+here SHA256:[\s\S]*Not proven:\s+Whose keys these are/);

  const [own, another] = [join(lab.folder, 'agents', 'here'), join(lab.folder, 'another')];
  await openAuthority(another, { nowMs: Date.now() });
  const trusts: [number, string[]][] = [
    [0, ['--ca', join(own, 'ca.crt'), '--key', join(own, 'device.crt')]],
    [1, ['--ca', join(another, 'pki', 'ca.crt')]],
    [1, ['--key', join(another, 'pki', 'ca.crt')]],
  ];
  for (const [code, trust] of trusts) {
    const checked = await lab.qfleet('verify', 'evidence.zip', ...trust);
    assert.equal(checked.code, code, checked.stderr);
  }

  const bundle = join(lab.folder, 'evidence.zip');
  const files = unzipSync(await readFile(bundle));
  // From the samples, from summaries just made of them, and from the kept ones.
  const reports = [strFromU8(files['report.json']!), await lab.readFile('first.json')];
  assert.deepEqual([...reports, await lab.readFile('again.json')], Array(3).fill(reports[0]));
  const refused = async (
    change: (files: Record<string, Uint8Array>) => void,
    expected: RegExp,
  ): Promise<void> => {
    const changed = { ...files };
    change(changed);
    await writeFile(join(lab.folder, 'changed.zip'), zipSync(changed));
    const { code, stderr } = await lab.qfleet('verify', 'changed.zip');
    assert.notEqual(code, 0);
    assert.match(stderr, expected);
  };
  const nameOf = (pattern: RegExp): string => Object.keys(files).find((name) => pattern.test(name))!;
  const result = nameOf(/^results\/.*\.json$/);
  await refused((all) => {
    all[result] = strToU8(strFromU8(all[result]!).replace('"attempt":1', '"attempt":2'));
  }, /not what the manifest says/);
  await refused((all) => delete all[nameOf(/^blobs\//)], /lacks blobs\//);
  // Somebody who also mends the manifest has no key to sign with, …
  const remade = (all: Record<string, Uint8Array>, name: string, content: Uint8Array): void => {
    all[name] = content;
    const manifest = JSON.parse(strFromU8(all['manifest.json']!));
    manifest.files[name] = createHash('sha256').update(content).digest('hex');
    all['manifest.json'] = strToU8(JSON.stringify(manifest));
  };
  await refused(
    (all) => remade(all, result.replace('.json', '.sig'), new Uint8Array(64)),
    /is not signed by here/,
  );
  // … and a report that says something else does not follow.
  const report = strFromU8(files['report.json']!);
  await refused(
    (all) =>
      remade(all, 'report.json', strToU8(report.replace('"state": "completed"', '"state": "cancelled"'))),
    /does not follow from the evidence: line \d+ says "state": "cancelled"/,
  );
  await writeFile(bundle, (await readFile(bundle)).subarray(0, 1000));
  assert.match((await lab.qfleet('verify', 'evidence.zip')).stderr, /no bundle, or it was cut off/);
});
