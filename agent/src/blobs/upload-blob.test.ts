import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { Link } from '../session/link.ts';
import { FakeCoordinator } from '../testing/fake-coordinator.ts';
import { makeTestCertificates } from '../testing/make-test-certificates.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { uploadBlob } from './upload-blob.ts';

test('a channel that is shut down before the upload begins is a broken link, and leaves nothing behind', async (t) => {
  await using folder = await temporaryFolder();
  const certificates = await makeTestCertificates();
  await using coordinator = await FakeCoordinator.start({ certificates });
  const device = await certificates.issueDevice('dev_a');
  const options = {
    coordinator: coordinator.address,
    caCertificate: Buffer.from(certificates.caPem),
    key: Buffer.from(device.keyPem),
    certificate: Buffer.from(device.certificatePem),
  };
  using open = new Link(options);
  using closed = new Link(options);
  closed.client.close();
  const path = join(folder.path, 'blob');
  await writeFile(path, 'blob');
  const digest = digestBytes('blob');
  const leaving = new AbortController();
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const clients of [[closed], [open, closed]]) {
    const left = [...clients];
    const link = {
      get client() {
        return left.shift()!.client;
      },
    } as Link;
    const upload = uploadBlob({ link, digest, path, signal: leaving.signal });
    await assert.rejects(upload, { code: 'no-coordinator', message: /shut down/ });
  }
  // Neither the stall timer nor the agent's leaving finds a call to cancel.
  t.mock.timers.tick(120_000);
  leaving.abort();
});
