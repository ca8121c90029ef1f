import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findEmulator } from './emulator.ts';

let folder: string;
const path = process.env['PATH'];
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'qfleet-emulator-'));
  process.env['PATH'] = `${folder}:${path}`;
});
after(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true, force: true });
});

function install(program: string, version: string): void {
  writeFileSync(join(folder, program), `#!/bin/sh\necho "${program} version ${version} (Debian)"\n`);
  chmodSync(join(folder, program), 0o755);
}

test('an Arm emulator that answers /proc/cpuinfo by itself is no board', () => {
  install('qemu-aarch64-static', '10.0.2');
  install('qemu-aarch64', '8.2.2');
  assert.equal(findEmulator('arm64', folder), undefined);
  install('qemu-aarch64', '7.2.19');
  assert.deepEqual(findEmulator('arm64', folder), { path: join(folder, 'qemu-aarch64'), version: '7.2.19' });
});

test('an x86 emulator on which Node dies of signals is passed over for one of 9 or later', () => {
  install('qemu-x86_64-static', '7.2.19');
  assert.equal(findEmulator('x64', folder), undefined);
  install('qemu-x86_64', '10.0.2');
  assert.equal(findEmulator('x64', folder)?.version, '10.0.2');
});
