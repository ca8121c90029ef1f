import assert from 'node:assert/strict';
import { chmod, copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { makeTestCertificates } from '../testing/make-test-certificates.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { readIdentity } from './read-identity.ts';
import { resolveConfig, resolveNodeCommand } from './resolve-config.ts';

const isConfiguration = (pattern: RegExp) => (thrown: unknown) =>
  thrown instanceof QfleetError && thrown.code === 'configuration' && pattern.test(thrown.message);

describe('the agent’s configuration', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let identity: string;
  before(async () => {
    folder = await temporaryFolder();
    identity = join(folder.path, 'board');
    await (await makeTestCertificates()).writeIdentity(identity, 'dev_a', 'file:1');
  });
  after(() => folder[Symbol.asyncDispose]());

  it('prefers flag to environment to file to default', async () => {
    const env = { QFLEET_AGENT_COORDINATOR: 'env:2' };
    assert.equal((await resolveConfig({ identity }, {})).coordinator, 'file:1');
    assert.equal((await resolveConfig({ identity }, env)).coordinator, 'env:2');
    assert.equal((await resolveConfig({ identity, coordinator: 'flag:3' }, env)).coordinator, 'flag:3');
    assert.equal(
      (await resolveConfig({}, { QFLEET_AGENT_IDENTITY: identity })).stateFolder,
      join(identity, 'state'),
    );
    for (const backends of ['a, b', '[a, b]'])
      assert.deepEqual((await resolveConfig({ identity, backends }, {})).backends, ['a', 'b']);
  });

  it('says which setting is wrong and how it should be', async () => {
    await assert.rejects(resolveConfig({}, {}), isConfiguration(/No identity folder/));
    await assert.rejects(
      resolveConfig({ identity: join(folder.path, 'nowhere') }, {}),
      isConfiguration(/no identity folder/),
    );
    await assert.rejects(
      resolveConfig({ identity, coordinator: 'localhost' }, {}),
      isConfiguration(/expected HOST:PORT, got "localhost"/),
    );
    await assert.rejects(
      resolveConfig({ identity, logLevel: 'loud' }, {}),
      isConfiguration(/Log level.*"loud"/),
    );
    await assert.rejects(
      resolveConfig({ identity }, { QFLEET_AGENT_CACHE_QUOTA_BYTES: 'much' }),
      isConfiguration(/"much"/),
    );
    await writeFile(join(identity, 'agent.yaml'), 'coordinator: file:1\ncolour: red\n');
    await assert.rejects(resolveConfig({ identity }, {}), isConfiguration(/colour/));
    await writeFile(join(identity, 'agent.yaml'), 'coordinator: file:1\nbackends:\n  - noop\n');
    await assert.rejects(resolveConfig({ identity }, {}), isConfiguration(/line 2: expected "key: value"/));
    await writeFile(join(identity, 'agent.yaml'), 'coordinator: file:1\n');
  });

  it('takes the command that starts Node from a JSON array', () => {
    assert.deepEqual(resolveNodeCommand({}), [process.execPath]);
    assert.deepEqual(resolveNodeCommand({ QFLEET_NODE_COMMAND: '["qemu","-L","/root","node"]' }), [
      'qemu',
      '-L',
      '/root',
      'node',
    ]);
    for (const QFLEET_NODE_COMMAND of ['qemu node', '[]', '["node", 1]', '{}'])
      assert.throws(() => resolveNodeCommand({ QFLEET_NODE_COMMAND }), isConfiguration(/JSON array/));
  });

  it('reads an identity and warns of a key that others can read', async () => {
    assert.deepEqual((await readIdentity(identity)).warnings, []);
    assert.equal((await readIdentity(identity)).deviceId, 'dev_a');
    await chmod(join(identity, 'device.key'), 0o644);
    assert.match((await readIdentity(identity)).warnings.join(), /chmod 600/);
  });

  it('says which file of an identity is missing, broken, or of another device or coordinator', async () => {
    const other = join(folder.path, 'other');
    const certificates = await makeTestCertificates();
    const file = (name: string): string => join(other, name);
    const spoil = async (spoiling: () => Promise<void>, pattern: RegExp): Promise<void> => {
      await certificates.writeIdentity(other, 'dev_b');
      await spoiling();
      await assert.rejects(readIdentity(other), isConfiguration(pattern));
    };
    await spoil(() => rm(file('device.key')), /device\.key is missing/);
    await spoil(() => writeFile(file('device.crt'), 'hello'), /device\.crt is no certificate/);
    await spoil(() => writeFile(file('device.key'), 'hello'), /device\.key is no private key/);
    await spoil(() => copyFile(join(identity, 'device.key'), file('device.key')), /of different devices/);
    await spoil(() => copyFile(join(identity, 'ca.crt'), file('ca.crt')), /of different coordinators/);
    await spoil(() => copyFile(file('ca.crt'), file('device.crt')), /not the key of/);
  });
});
