import { createPublicKey, verify } from 'node:crypto';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { RunEvidence } from '../analysis/evidence.ts';
import { parseResult } from '../fleet/check-result.ts';
import { buildReport } from '../report/build-report.ts';
import { formatJson } from '../report/format-json.ts';
import { type BundleFiles, readBundle } from './bundle-file.ts';
import { checkOwnership } from './check-ownership.ts';
import { judgeSigners, type Signer, type Trust } from './judge-signers.ts';

/** What a bundle was found to be. */
export interface VerifiedBundle {
  readonly runId: string;
  readonly results: number;
  /** Of those: probes of an earlier run, whose jobs the bundle does not hold. */
  readonly earlierProbes: number;
  /** The devices whose signatures were checked. */
  readonly signers: readonly Signer[];
  readonly blobs: number;
  /** Readings in the report, all of them computed anew. */
  readonly readings: number;
}

/** The records of a bundle; what they hold is read by the same code as the store's. */
type Records = Pick<RunEvidence, 'run' | 'model' | 'variants' | 'devices' | 'jobs'> & {
  readonly dataset?: RunEvidence['dataset'];
  readonly results: readonly { readonly digest: string; readonly deviceId: string }[];
};

/**
 * Holds a bundle against itself, without a network: every file against its digest, every result against the signature
 * of its device and the job that it answers, every blob against its name, and the report against one computed anew from
 * all that; and the keys that signed against what is trusted from elsewhere. Throws `refused` or `digest-mismatch` with
 * what does not hold.
 */
export function verifyBundle(bytes: Uint8Array, trust: Trust = {}): VerifiedBundle {
  const { manifest, files } = readBundle(bytes);
  const records = JSON.parse(text(files, 'evidence.json')) as Records;
  const evidence: RunEvidence = {
    ...records,
    dataset: records.dataset,
    labels: readLabels(files.get('labels.bin')),
    results: records.results.map((entry) => readResult(entry, records, files)),
    blobs: readBlobs(files),
  };
  const { earlierProbes } = checkOwnership(evidence);
  const ids = new Set(evidence.results.map(({ deviceId }) => deviceId));
  const signing = evidence.devices.filter(({ id }) => ids.has(id));
  const ca = files.get('ca.crt');
  const signers = judgeSigners(signing, ca && new TextDecoder().decode(ca), trust);
  const found = formatJson(buildReport(evidence));
  const claimed = text(files, 'report.json');
  if (found !== claimed) {
    throw new QfleetError(
      'refused',
      `The report does not follow from the evidence: ${firstDifference(claimed, found)}`,
      {
        hint: 'It was changed, or made by another version of qfleet.',
      },
    );
  }
  return {
    runId: manifest.runId,
    results: evidence.results.length,
    earlierProbes,
    signers,
    blobs: evidence.blobs.size,
    readings: (claimed.match(/"quantity":/g) ?? []).length,
  };
}

function readResult(
  { digest, deviceId }: { readonly digest: string; readonly deviceId: string },
  { devices }: Records,
  files: BundleFiles,
): RunEvidence['results'][number] {
  const bytes = need(files, `results/${digest}.json`);
  if (digestBytes(bytes) !== digest) {
    throw new QfleetError('digest-mismatch', `The result ${digest} does not have its own digest.`);
  }
  const device = devices.find(({ id }) => id === deviceId);
  if (!device) throw new QfleetError('refused', `The device of result ${digest} is not in the bundle.`);
  const key = createPublicKey({ key: Buffer.from(device.publicKey, 'base64'), format: 'der', type: 'spki' });
  if (!verify(null, bytes, key, need(files, `results/${digest}.sig`))) {
    throw new QfleetError('refused', `The result ${digest} is not signed by ${device.name}.`);
  }
  return { digest, deviceId, result: parseResult(bytes) };
}

function readBlobs(files: BundleFiles): Map<string, Uint8Array> {
  const blobs = new Map<string, Uint8Array>();
  for (const [name, content] of files) {
    if (!name.startsWith('blobs/')) continue;
    const digest = name.slice('blobs/'.length);
    if (digestBytes(content) !== digest) {
      throw new QfleetError('digest-mismatch', `The blob ${digest} does not have its own digest.`);
    }
    blobs.set(digest, content);
  }
  return new Map([...blobs].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function readLabels(bytes: Uint8Array | undefined): Uint32Array | undefined {
  return bytes && new Uint32Array(new Uint8Array(bytes).buffer);
}

function need(files: BundleFiles, name: string): Uint8Array {
  const content = files.get(name);
  if (content) return content;
  throw new QfleetError('refused', `The bundle lacks ${name}.`);
}

function text(files: BundleFiles, name: string): string {
  return new TextDecoder().decode(need(files, name));
}

/** The first line in which two texts differ. */
function firstDifference(claimed: string, found: string): string {
  const [a, b] = [claimed.split('\n'), found.split('\n')];
  const line = a.findIndex((one, i) => one !== b[i]);
  return `line ${line + 1} says ${a[line]?.trim() ?? 'nothing'}, computed is ${b[line]?.trim() ?? 'nothing'}`;
}
