import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { defaultImportLimits } from '../artefacts/import-limits.ts';
import { readContractFile } from '../artefacts/read-contract-file.ts';
import { readLabelTable } from '../artefacts/readers/labels-csv.ts';
import { openDataset } from '../artefacts/readers/open-dataset.ts';
import { importSet } from '../imports/import-set.ts';
import { readBandwidth } from '../imports/read-sbc-bench.ts';
import { readModel } from '../onnx/read-model.ts';
import { parseYaml } from './parse-yaml.ts';

const root = mkdtempSync(join(tmpdir(), 'qfleet-files-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Every way by which the coordinator reads a file that a user named. */
const readers: Record<string, (path: string) => Promise<unknown>> = {
  'a model': readModel,
  'a dataset': (path) =>
    openDataset(path, { limits: defaultImportLimits, parallelism: 1, note: () => undefined }),
  labels: readLabelTable,
  'an input contract': readContractFile,
  'published measurements': (path) => importSet('aihub', path, {}),
  'a log of sbc-bench': (path) => readBandwidth([path]),
};

describe('a file that is none', () => {
  for (const [name, read] of Object.entries(readers)) {
    test(`as ${name}: a named pipe, a device and a socket are refused and nothing waits`, async () => {
      const pipe = join(root, `${name}.pipe`);
      execFileSync('mkfifo', [pipe]);
      const socket = join(root, 'a.sock');
      rmSync(socket, { force: true });
      const server = createServer();
      await new Promise((resolve) => server.listen(socket, () => resolve(undefined)));
      for (const path of [pipe, '/dev/null', '/dev/zero', socket]) {
        if (existsSync(path))
          await assert.rejects(read(path), { code: 'refused', message: /no regular file/ });
      }
      server.close();
    });
  }
});

test('labels of more rows than any dataset has are refused before they are parsed', async () => {
  const path = join(root, 'labels.csv');
  writeFileSync(path, Buffer.alloc(12_000_000, 'a,b\n'));
  await assert.rejects(readLabelTable(path), { code: 'refused', message: /more than 2000000 rows/ });
  writeFileSync(path, Buffer.alloc(12_000_000, ','));
  await assert.rejects(readLabelTable(path), { code: 'refused', message: /Line 1 of .* has 12000000 bytes/ });
});

test('YAML that would take minutes or gigabytes is refused, and many keys take no square of their number', () => {
  const lines = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}: 1`).join('\n');
  assert.throws(() => parseYaml(lines(400_000), 'it'), { code: 'invalid-argument', message: /at most/ });
  assert.equal(Object.keys(parseYaml(lines(20_000), 'it') as object).length, 20_000);
  const repeated = (level: number): string => `b${level}: &b${level} [${`*b${level - 1},`.repeat(9)}]`;
  const bomb = ['b0: &b0 [x]', ...Array.from({ length: 9 }, (_, i) => repeated(i + 1))].join('\n');
  assert.throws(() => parseYaml(bomb, 'it', 'refused'), { code: 'refused', message: /it is neither/ });
  assert.throws(() => parseYaml('['.repeat(5_000), 'it'), { code: 'invalid-argument' });
});
