import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { coordinatorName } from '@qfleet/shared/grpc/agent-service.ts';
import { readIdentity } from '../config/read-identity.ts';
import { FakeCoordinator } from '../testing/fake-coordinator.ts';
import { makeTestCertificates, type TestCertificates } from '../testing/make-test-certificates.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { callUnary } from './call-unary.ts';
import { Link } from './link.ts';

describe('the agent’s connection', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let certificates: TestCertificates;
  before(async () => {
    folder = await temporaryFolder();
    certificates = await makeTestCertificates();
    await certificates.writeIdentity(folder.path, 'dev_a');
  });
  after(() => folder[Symbol.asyncDispose]());

  /** One call to a coordinator that listens at 127.0.0.1, dialled by whatever name. */
  async function call(server: TestCertificates['server'], host: string): Promise<void> {
    await using coordinator = await FakeCoordinator.start({ certificates: { ...certificates, server } });
    const identity = await readIdentity(folder.path);
    using link = new Link({
      coordinator: `${host}:${coordinator.port}`,
      caCertificate: identity.caPem,
      key: identity.keyPem,
      certificate: identity.certificatePem,
    });
    const { client } = link;
    await callUnary(client.statBlob.bind(client), { digest: 'a'.repeat(64) }, new AbortController().signal);
  }

  it('takes the coordinator by its fixed name, whatever address it is reached by, without a warning', async () => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', onWarning);
    for (const host of ['127.0.0.1', 'localhost']) await call(certificates.server, host);
    process.off('warning', onWarning);
    assert.deepEqual(warnings, []);
  });

  it('refuses a server that has another device’s certificate, even one with the coordinator’s name', async () => {
    await assert.rejects(call(await certificates.issueDevice('dev_b'), '127.0.0.1'), {
      message: /unsuitable certificate purpose/,
    });
    const posing = await certificates.issueDevice('dev_b', [{ type: 'dns', value: coordinatorName }]);
    await assert.rejects(call(posing, '127.0.0.1'), { message: /unsuitable certificate purpose/ });
  });

  it('refuses a coordinator of another authority', async () => {
    const { server } = await makeTestCertificates();
    await assert.rejects(call(server, '127.0.0.1'), { message: /certificate/ });
  });
});
