import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { assembleKernels } from './assemble-kernels.ts';

test('the committed kernels.wasm is what kernels.wat assembles to', async () => {
  const committed = await readFile(new URL('./kernels.wasm', import.meta.url));
  const assembled = Buffer.from(await assembleKernels());
  assert.ok(assembled.equals(committed), 'run: npm run gen');
});
