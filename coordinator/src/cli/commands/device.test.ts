import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chooseDevices } from '../../main/choose-devices.ts';
import { startTestCoordinator } from '../../main/testing/start-test-coordinator.ts';
import { exampleHello } from '../../store/store-fixtures.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const dayMs = 24 * 3_600_000;

test('a certificate that has expired or soon will, and a copied identity, are told by device ls, device show and doctor', async () => {
  await using coordinator = await startTestCoordinator();
  const { store } = coordinator.services;
  // Doctor ends with 1 where something is wrong with this machine.
  const qfleet = (...args: readonly string[]): Promise<string> =>
    new Promise((resolve) => {
      const argv = [main, ...args, '--data', coordinator.dataDir];
      execFile(process.execPath, argv, (_, stdout) => resolve(stdout));
    });
  for (const [name, days] of Object.entries({ expired: -3.5, ending: 12.5, lasting: 200 })) {
    const device = { id: name, name, publicKey: name, certificateEndsAtMs: Date.now() + days * dayMs };
    await store.addDevice(device);
  }
  await store.recordRival('lasting', { hostnames: ['pi', 'copy'], sinceMs: 1, lastMs: 2 });

  const listed = await qfleet('device', 'ls');
  assert.match(listed, /expired +never connected, certificate expired on \S+ \(3 days ago\)/);
  assert.match(listed, /ending +never connected, certificate ends on \S+ \(in 12 days\)/);
  assert.match(listed, /lasting +never connected, identity used by two hosts \(pi, copy\)/);
  assert.match(
    await qfleet('device', 'show', 'expired'),
    /certificate +certificate expired .*device add expired --out/,
  );

  const findings = JSON.parse(await qfleet('doctor', '-o', 'json')) as {
    what: string;
    detail: string;
    fix?: string;
  }[];
  const finding = findings.find(({ what }) => what === 'devices');
  assert.match(
    finding?.detail ?? '',
    /ending: certificate ends .*; expired: certificate expired .*; lasting: identity/,
  );
  assert.match(finding?.fix ?? '', /./);

  await qfleet('device', 'resolve', 'lasting');
  assert.equal((await store.findDevice('lasting'))?.rival, undefined);

  await store.recordHello('expired', exampleHello('boot'));
  await assert.rejects(chooseDevices(['expired'], store, new Set()), {
    code: 'failed-precondition',
    message: /expired cannot connect: its certificate expired on/,
  });
});
