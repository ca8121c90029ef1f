import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadQuota } from './upload-quota.ts';

test('so many uploads at once and so many bytes for a result, each device for itself', () => {
  const quota = new UploadQuota({ maxUploads: 2, maxBytesPerResult: 100 });
  const end = quota.begin('a', 40);
  quota.begin('a', 40);
  assert.throws(() => quota.begin('a', 1), { code: 'resource-exhausted', message: /under way/ });
  end();
  assert.throws(() => quota.begin('a', 21), { code: 'resource-exhausted', message: /80 are used/ });
  quota.begin('b', 100);
  quota.settle('a');
  quota.begin('a', 100);
});
