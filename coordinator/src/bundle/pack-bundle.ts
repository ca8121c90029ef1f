import type { RunEvidence } from '../analysis/evidence.ts';
import { buildReport } from '../report/build-report.ts';
import { formatJson } from '../report/format-json.ts';
import type { ResultRecord } from '../store/records.ts';
import { writeBundle } from './bundle-file.ts';

/** A result as the device serialised and signed it. */
export type SignedResult = Pick<ResultRecord, 'digest' | 'deviceId' | 'bytes' | 'signature'>;

/**
 * Everything that a run's report was computed from, and the report: results verbatim with the devices' signatures,
 * their blobs, the run's records, labels. Models and inputs themselves are left out: they are named by digest. Pure.
 */
export function packBundle(
  evidence: RunEvidence,
  results: readonly SignedResult[],
  about: { readonly version: string; readonly caPem: string },
): Uint8Array {
  const { run, model, variants, dataset, labels, devices, jobs, blobs } = evidence;
  const used = new Set(evidence.results.map(({ digest }) => digest));
  const files = new Map<string, Uint8Array>();
  const add = (name: string, content: string | Uint8Array): void =>
    void files.set(name, typeof content === 'string' ? Buffer.from(content) : content);
  add(
    'evidence.json',
    JSON.stringify({
      run,
      model,
      variants,
      ...(dataset && { dataset }),
      devices,
      jobs,
      results: evidence.results.map(({ digest, deviceId }) => ({ digest, deviceId })),
    }),
  );
  // The devices' records hold the certificates that it has issued.
  add('ca.crt', about.caPem);
  if (labels) add('labels.bin', new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength));
  for (const { digest, bytes, signature } of results) {
    if (!used.has(digest)) continue;
    add(`results/${digest}.json`, bytes);
    add(`results/${digest}.sig`, signature);
  }
  for (const [digest, content] of blobs) add(`blobs/${digest}`, content);
  add('report.json', formatJson(buildReport(evidence)));
  return writeBundle(files, { qfleet: about.version, runId: run.id });
}
