import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { openFileBlobStore } from './file-blob-store.ts';

/** Stores more than the file system given can hold, in both ways, and prints what came of it. */
const folder = process.argv[2] ?? '';
const blobs = await openFileBlobStore(folder);
const large = Buffer.alloc(1 << 20, 1);
const source = async function* () {
  for (let at = 0; at < large.length; at += 1 << 16) yield large.subarray(at, at + (1 << 16));
};
const put = await failureOf(() => blobs.put(large));
const upload = {
  owner: 'd1',
  digest: digestBytes(large),
  totalBytes: large.length,
  offset: 0,
  source: source(),
};
const receive = await failureOf(() => blobs.receive(upload));
const listed: string[] = [];
for await (const blob of blobs.list()) listed.push(blob.digest);
const left = ['tmp', 'partial'].flatMap((part) =>
  readdirSync(join(folder, part), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name),
);
const small = await blobs.put(Buffer.from('small'));
const report = {
  put: put?.code,
  receive: receive?.code,
  hasHint: put?.hint !== undefined && receive?.hint !== undefined,
  listed,
  left,
  afterwards: (await blobs.stat(small)) === 5 ? 'stored' : 'lost',
};
process.stdout.write(JSON.stringify(report));

async function failureOf(work: () => Promise<unknown>): Promise<QfleetError | undefined> {
  try {
    await work();
    return undefined;
  } catch (thrown) {
    return QfleetError.from(thrown);
  }
}
