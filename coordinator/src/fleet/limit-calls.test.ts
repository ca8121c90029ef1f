import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../store/open-store.ts';
import { limitCalls } from './limit-calls.ts';

test('an operator’s question waits for a few of the agents’ calls, however many they are', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-limit-'));
  const store = await openStore(folder);
  try {
    const limited = limitCalls(store, 4);
    const served: string[] = [];
    const calls = Array.from({ length: 300 }, async () => {
      await limited.findDevice('nobody');
      served.push('agent');
    });
    const asked = store.listDevices().then(() => served.push('operator'));
    await Promise.all([...calls, asked]);
    assert.ok(served.indexOf('operator') <= 8, `after ${served.indexOf('operator')} calls`);
    assert.equal(served.length, 301);
    await assert.rejects(limited.removeDevice('nobody'), { code: 'not-found' });
    await Promise.all(Array.from({ length: 10 }, () => limited.listDevices()));
  } finally {
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
});
