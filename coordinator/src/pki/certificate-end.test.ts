import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeCertificateEnd } from './certificate-end.ts';

const dayMs = 24 * 3_600_000;
const endsAtMs = Date.UTC(2027, 0, 31, 12);

test('a certificate is spoken of from 30 days before its end, and after it for ever', () => {
  assert.equal(describeCertificateEnd(undefined, 0), undefined);
  assert.equal(describeCertificateEnd(endsAtMs, endsAtMs - 30 * dayMs - 1), undefined);
  const texts = [-30 * dayMs, -dayMs - 1, -1, 0, dayMs, 400 * dayMs].map((ms) =>
    describeCertificateEnd(endsAtMs, endsAtMs + ms),
  );
  assert.deepEqual(texts, [
    'certificate ends on 2027-01-31 (in 30 days)',
    'certificate ends on 2027-01-31 (in 1 day)',
    'certificate ends on 2027-01-31 (in less than a day)',
    'certificate expired on 2027-01-31 (less than a day ago)',
    'certificate expired on 2027-01-31 (1 day ago)',
    'certificate expired on 2027-01-31 (400 days ago)',
  ]);
});
