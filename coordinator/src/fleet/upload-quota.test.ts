import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import { UploadQuota } from './upload-quota.ts';

const [a, b, c] = ['a', 'b', 'c'].map((words) => digestBytes(words)) as [Digest, Digest, Digest];

function createQuota() {
  const stored = new Map<string, Map<Digest, { isWhole: boolean; sizeBytes: number }>>();
  const blobs = { listUploads: async (owner: string) => stored.get(owner) ?? new Map() };
  const quota = new UploadQuota({ maxUploads: 2, maxBytesPerResult: 100 }, blobs);
  const store = (owner: string, digest: Digest, sizeBytes: number): void =>
    void stored.set(owner, new Map([...(stored.get(owner) ?? []), [digest, { isWhole: false, sizeBytes }]]));
  return { quota, store };
}

test('so many uploads at once, each device for itself', async () => {
  const { quota } = createQuota();
  const end = await quota.begin('d1', { digest: a, totalBytes: 1 });
  await quota.begin('d1', { digest: b, totalBytes: 1 });
  const third = { digest: c, totalBytes: 1 };
  await assert.rejects(quota.begin('d1', third), { code: 'resource-exhausted', message: /under way/ });
  await quota.begin('d2', third);
  end();
  await quota.begin('d1', third);
});

test('what lies here counts, and of what is under way all', async () => {
  const { quota, store } = createQuota();
  store('d1', a, 30);
  const end = await quota.begin('d1', { digest: b, totalBytes: 40 });
  const large = { digest: c, totalBytes: 31 };
  await assert.rejects(quota.begin('d1', large), { code: 'resource-exhausted', message: /70 are used/ });
  store('d1', b, 5);
  end();
  await quota.begin('d1', large);
});

test('an upload that goes on counts once, however often it broke off', async () => {
  const { quota, store } = createQuota();
  for (let receivedBytes = 0; receivedBytes <= 90; receivedBytes += 10) {
    store('d1', a, receivedBytes);
    const end = await quota.begin('d1', { digest: a, totalBytes: 90 });
    end();
  }
});

test('of uploads that begin together each counts the other', async () => {
  const { quota } = createQuota();
  const begun = await Promise.allSettled([
    quota.begin('d1', { digest: a, totalBytes: 60 }),
    quota.begin('d1', { digest: b, totalBytes: 60 }),
  ]);
  assert.deepEqual(
    begun.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
});
