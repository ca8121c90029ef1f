import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Lab, type Running } from './support/lab.ts';

describe('secrets', () => {
  test('neither token nor keys appear in what coordinator and agent say, nor on a command line', async () => {
    await using lab = new Lab();
    const coordinator = await lab.startCoordinator('--log-level', 'debug');
    const agent = await lab.startAgent('board', '--backends', 'noop', '--log-level', 'debug');
    const { url, token } = JSON.parse(readFileSync(join(lab.data, 'operator.json'), 'utf8'));
    const authorization = `Bearer ${token}`;
    await fetch(new URL('/v1/runs/nothing', url), { headers: { authorization } });
    await fetch(new URL(`/v1/runs/${token}?token=${token}`, url), {
      headers: { authorization: `Bearer x${token}` },
    });
    await fetch(new URL('/v1/models', url), { method: 'POST', headers: { authorization }, body: '{"path":' });
    await lab.qfleetOk('device', 'revoke', 'board');
    const secrets = [token, ...listKeys(join(lab.folder, 'agents/board')), ...listKeys(lab.data)];
    assert.equal(secrets.length, 4, 'token, key of the device, of the authority, of the server');
    for (const running of [coordinator, agent]) {
      const told = [running.said(), commandLine(running)];
      assert.ok(running.said().length > 0);
      for (const secret of secrets) assert.ok(told.every((text) => !text.includes(secret)));
    }
  });
});

/** A line from the middle of every private key in a folder. */
function listKeys(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile() || !/\.(key|json)$/.test(entry.name)) return [];
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    const line = /PRIVATE KEY-----(?:\n|\\n)([^-\n\\]{20,})/.exec(text)?.[1];
    return line === undefined ? [] : [line];
  });
}

function commandLine({ child }: Running): string {
  return readFileSync(`/proc/${child.pid}/cmdline`, 'utf8');
}
