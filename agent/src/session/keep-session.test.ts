import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { createLogger } from '@qfleet/shared/logger.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import { FakeCoordinator } from '../testing/fake-coordinator.ts';
import { makeTestCertificates } from '../testing/make-test-certificates.ts';
import { keepSession } from './keep-session.ts';
import { Link } from './link.ts';

const dayMs = 24 * 3_600_000;

/** What an agent says when its coordinator has closed the connection for its certificate's sake. */
async function explainRefusal(
  endsAtMs: number,
  trusts: 'us' | 'another',
  serverEndsAtMs = Date.now() + 100 * dayMs,
): Promise<string> {
  const certificates = await makeTestCertificates();
  const other = await makeTestCertificates();
  const server = await certificates.issueServer(serverEndsAtMs);
  const caPem = trusts === 'us' ? certificates.caPem : other.caPem;
  const trusted = { ...certificates, server, caPem };
  await using coordinator = await FakeCoordinator.start({ certificates: trusted });
  const device = await certificates.issueDevice('dev_a', [], endsAtMs);
  using link = new Link({
    coordinator: `127.0.0.1:${coordinator.port}`,
    caCertificate: Buffer.from(certificates.caPem),
    key: Buffer.from(device.keyPem),
    certificate: Buffer.from(device.certificatePem),
  });
  const ending = new AbortController();
  const said = Promise.withResolvers<string>();
  const keeping = keepSession({
    link,
    certificateEndsAtMs: new X509Certificate(device.certificatePem).validToDate.getTime(),
    handlers: {
      hello: () => ({ protocolVersion: 1, bootId: 'boot' }),
      heartbeat: async () => ({}),
      onWelcome: () => undefined,
      onLease: () => undefined,
      onCancel: () => undefined,
    },
    random: createRandom(1),
    log: createLogger({ name: 'test', level: 'fatal' }),
    onEnd: said.resolve,
    signal: ending.signal,
  });
  const message = await said.promise;
  ending.abort();
  await keeping;
  return message;
}

describe('an agent that is refused by a coordinator that says nothing', () => {
  it('names the certificate that has expired, since when, and what to do', async () => {
    const endedAtMs = Math.floor(Date.now() / 1000) * 1000 - 3 * dayMs;
    const message = await explainRefusal(endedAtMs, 'us');
    assert.ok(
      message.includes(`certificate expired on ${new Date(endedAtMs).toISOString()}, 3 days ago`),
      message,
    );
    assert.match(message, /device add NAME --out DIR/);
  });

  it('tells the end of a certificate that holds by its own clock, and to compare the clocks', async () => {
    const endsAtMs = Math.floor(Date.now() / 1000) * 1000 + 200 * dayMs;
    const message = await explainRefusal(endsAtMs, 'another');
    assert.ok(message.includes(`which ends on ${new Date(endsAtMs).toISOString()}`), message);
    assert.match(message, /coordinator's clock/);
  });

  it('names both certificates where its clock says that both have expired', async () => {
    const message = await explainRefusal(Date.now() - 40 * dayMs, 'us', Date.now() - 10 * dayMs);
    assert.match(message, /The certificate of 127\.0\.0\.1:\d+ is not valid at this device's time/);
    assert.match(message, /This device's certificate expired on .*, 40 days ago/);
  });
});
