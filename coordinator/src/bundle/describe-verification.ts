import type { Trust } from './judge-signers.ts';
import type { VerifiedBundle } from './verify-bundle.ts';

/** What a verification has shown, and what it has not, one line each: who reads it may have to rely on it. */
export function describeVerification(found: VerifiedBundle, trust: Trust): string[] {
  const { signers, results, earlierProbes } = found;
  const names = signers.map(({ name }) => name).join(', ');
  const earlier =
    earlierProbes > 0 ? ` (${earlierProbes} probes are of earlier runs, whose jobs are not in it)` : '';
  return [
    `The bundle of run ${found.runId} agrees with itself:`,
    `  ${results} results, signed by ${names}`,
    `  each answers a job that was given to the device whose key signed it${earlier}`,
    `  ${found.blobs} blobs with their own digests`,
    `  ${found.readings} readings of the report, computed anew and found equal`,
    'Keys that signed:',
    ...signers.map(
      ({ name, fingerprint, authority }) =>
        `  ${name} ${fingerprint}, ${authority === undefined ? 'without a certificate' : `certified by the authority ${authority}`}`,
    ),
    'Proven:',
    '  No result was changed since it was signed by these keys, and the report follows from them and from the records.',
    ...(trust.ca === undefined
      ? []
      : ['  Each key belongs to a device of the fleet whose authority was given with --ca.']),
    ...(trust.keys === undefined ? [] : ['  Each key is one that was given with --key.']),
    'Not proven:',
    ...(trust.ca === undefined && trust.keys === undefined
      ? [
          '  Whose keys these are: they come with the bundle, and anybody can make one with keys of their own. Compare the fingerprints with ./qfleet device show NAME, or give --ca FILE or --key FILE.',
        ]
      : []),
    '  The records that no device signs: the plan, which jobs there were, labels, and the names of devices.',
    '  That a device measured what it says, and when.',
  ];
}
