import type { JobSpec } from './records.ts';

const digestPattern = /^[0-9a-f]{64}$/;

/**
 * The blobs that a job names, in the order in which it names them: what a device may read while the job is leased to
 * it. Every field called `digest`, or ending in `Digest`, counts, however deep it lies, so that a field which the
 * contract gains later is readable from the start. A digest that names no blob (a dataset's) opens nothing.
 */
export function blobsOfSpec(spec: JobSpec): string[] {
  return [...new Set(digestsIn(spec))];
}

function digestsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([field, each]) => (isDigest(field, each) ? [each] : digestsIn(each)));
}

function isDigest(field: string, value: unknown): value is string {
  return /(^d|D)igest$/.test(field) && typeof value === 'string' && digestPattern.test(value);
}
