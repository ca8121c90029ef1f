import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { probeBackends } from '../probe-backends.ts';
import { describeAnswer } from './fingerprint.ts';
import { numericCases } from './numeric-cases.ts';

test('every case tells the known answers apart', () => {
  for (const { id, exact, saturating } of numericCases()) {
    const known = { exact, ...(saturating && { saturating }) };
    assert.equal(describeAnswer(exact, known), 'exact', id);
    if (saturating) assert.equal(describeAnswer(saturating, known), 'saturating', id);
    assert.equal(
      describeAnswer(
        exact.map((value, i) => value + (i % 2)),
        known,
      ),
      'other rounding',
      id,
    );
    assert.equal(
      describeAnswer(
        exact.map((value) => value + 2),
        known,
      ),
      'wrong',
      id,
    );
    assert.equal(describeAnswer([], known), 'wrong', id);
  }
});

test('halves are rounded to even in the answers that are called exact', () => {
  const rounding = numericCases().find(({ id }) => id === 'rounding');
  assert.deepEqual(rounding?.exact, [128, 130, 130, 132, 128, 126, 126, 129, 126, 255, 0]);
});

/** Exact answers take VNNI, or a processor that is no x86. */
const saturates =
  process.arch === 'x64' &&
  !(existsSync('/proc/cpuinfo') && /avx512_vnni|avx_vnni/.test(readFileSync('/proc/cpuinfo', 'utf8')));

test('the backends of this machine compute as its processor does', async () => {
  const infos = await probeBackends({
    nodeCommand: [process.execPath],
    only: undefined,
    signal: new AbortController().signal,
  });
  const numericsOf = (id: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(infos.find((info) => info.id === id)?.capabilities ?? {}).filter(([key]) =>
        key.startsWith('numerics.'),
      ),
    );
  const products = saturates ? 'saturating' : 'exact';
  assert.deepEqual(numericsOf('onnxruntime-cpu'), {
    'numerics.u8s8': products,
    'numerics.u8u8': 'exact',
    'numerics.s8s8': 'exact',
    'numerics.u8s8.conv': products,
    'numerics.rounding': 'exact',
    'numerics.requantization': 'exact',
  });
  assert.deepEqual(numericsOf('noop'), {});
  assert.deepEqual(new Set(Object.values(numericsOf('onnxruntime-wasm'))), new Set(['exact']));
});
