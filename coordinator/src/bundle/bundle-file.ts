import { digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { unzipSync, zipSync } from 'fflate';
import * as z from 'zod';

/** What a bundle says of itself: every file in it by its SHA-256. */
const manifestSchema = z.object({
  schema: z.literal('qfleet.bundle/1'),
  qfleet: z.string(),
  runId: z.string(),
  files: z.record(z.string(), z.string()),
});
export type BundleManifest = z.infer<typeof manifestSchema>;

export type BundleFiles = ReadonlyMap<string, Uint8Array>;

const manifestName = 'manifest.json';
/** Every entry bears this time, so that equal evidence gives equal bytes. */
const mtime = new Date(1980, 0, 1, 0, 0, 0);

/** The files as a zip archive with their digests in a manifest. */
export function writeBundle(
  files: BundleFiles,
  about: { readonly qfleet: string; readonly runId: string },
): Uint8Array {
  const sorted = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const manifest: BundleManifest = {
    schema: 'qfleet.bundle/1',
    ...about,
    files: Object.fromEntries(sorted.map(([name, bytes]) => [name, digestBytes(bytes)])),
  };
  const entries = Object.fromEntries(sorted);
  return zipSync(
    { [manifestName]: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`), ...entries },
    { level: 6, mtime },
  );
}

/** The files of a bundle, each held against its digest. Throws `refused` for what is none, `digest-mismatch` for a changed file. */
export function readBundle(bytes: Uint8Array): {
  readonly manifest: BundleManifest;
  readonly files: BundleFiles;
} {
  const entries = unzip(bytes);
  const manifest = readManifest(entries[manifestName]);
  const files = new Map<string, Uint8Array>();
  for (const [name, digest] of Object.entries(manifest.files)) {
    const content = entries[name];
    if (!content) throw new QfleetError('refused', `The bundle lacks ${name}, which its manifest names.`);
    if (digestBytes(content) !== digest) {
      throw new QfleetError('digest-mismatch', `${name} is not what the manifest says: it was changed.`);
    }
    files.set(name, content);
  }
  const extra = Object.keys(entries).find((name) => name !== manifestName && !files.has(name));
  if (extra !== undefined)
    throw new QfleetError('refused', `The bundle holds ${extra}, which its manifest does not name.`);
  return { manifest, files };
}

function unzip(bytes: Uint8Array): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes);
  } catch (cause) {
    throw new QfleetError('refused', `This is no bundle, or it was cut off: ${(cause as Error).message}.`, {
      hint: 'Make one with: ./qfleet bundle RUN --out FILE.zip',
      cause,
    });
  }
}

function readManifest(bytes: Uint8Array | undefined): BundleManifest {
  try {
    return manifestSchema.parse(JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())));
  } catch (cause) {
    throw new QfleetError('refused', 'The archive has no manifest of a bundle that this version knows.', {
      cause,
    });
  }
}
