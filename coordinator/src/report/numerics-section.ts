import type { PlaceComparison } from '../analysis/comparison.ts';
import type { Footnotes } from './footnotes.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';
import { tableOfReadings } from './table-of-readings.ts';

const prefix = 'numerics.';

/** How the kernels of every place answered the numeric fingerprint. */
export function fingerprintSection({ places, devices }: Report): Section {
  const rows = places.map((place) => {
    const device = devices.find(({ id }) => id === place.deviceId);
    return { place, kernels: device?.backends.find(({ id }) => id === place.backendId)?.capabilities ?? {} };
  });
  const cases = [
    ...new Set(rows.flatMap(({ kernels }) => Object.keys(kernels).filter((key) => key.startsWith(prefix)))),
  ];
  const titles = ['device', 'backend', ...cases.map((key) => key.slice(prefix.length))];
  return {
    id: 'fingerprint',
    title: 'Numeric fingerprint',
    lead: 'Tiny models with exactly known integer answers, run by each backend when it registers. Saturating: pairs of products are added in 16 bits (x86 without VNNI); other rounding: off by one at most.',
    table: {
      columns: titles.map((title) => ({ title, numeric: false })),
      rows:
        cases.length === 0
          ? []
          : rows.map(({ place, kernels }) =>
              [place.deviceName, place.backendId, ...cases.map((key) => kernels[key] ?? '-')].map(
                stripControl,
              ),
            ),
    },
  };
}

/** What the fingerprints and the weights let expect between places, and what came of it. */
export function predictionsSection(report: Report, footnotes: Footnotes): Section {
  const rows = uniqueByVariant(report.comparisons).filter(
    ({ prediction }) => prediction.expects !== 'unknown',
  );
  const count = (outcome: string): number =>
    rows.filter(({ prediction }) => prediction.outcome === outcome).length;
  const reference = placeText(report.places.find((place) => place.isReference));
  return {
    id: 'predictions',
    title: 'Will it answer the same elsewhere?',
    lead: `Against ${reference}, predicted from the fingerprints and the weights alone; differs means by more than roundings explain (SQNR under 30 dB). ${count('confirmed')} confirmed, ${count('refuted')} refuted, ${count('open')} open.`,
    table: tableOfReadings(
      rows,
      [
        { title: 'device', text: (row) => placeOf(report, row)?.deviceName ?? row.placeId },
        { title: 'backend', text: (row) => placeOf(report, row)?.backendId ?? '' },
        { title: 'variant', text: (row) => row.variant.name },
        { title: 'predicted', text: ({ prediction }) => prediction.expects },
        { title: 'outcome', text: ({ prediction }) => prediction.outcome },
        {
          title: 'SQNR',
          quantity: 'transfer.sqnr.output',
          reading: (row) => row.readings['transfer.sqnr.output'],
        },
        { title: 'because', text: ({ prediction }) => prediction.why },
      ],
      footnotes,
    ),
  };
}

function placeOf(report: Report, row: PlaceComparison): Report['places'][number] | undefined {
  return report.places.find(({ id }) => id === row.placeId);
}

/** Outputs do not ask for scenarios: one row per place and variant. */
function uniqueByVariant(comparisons: readonly PlaceComparison[]): PlaceComparison[] {
  const groups = Map.groupBy(comparisons, ({ placeId, variant }) => `${placeId} ${variant.digest}`);
  return [...groups.values()].map((group) => group[0]!);
}
