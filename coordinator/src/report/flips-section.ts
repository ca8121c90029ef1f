import type { PlaceComparison } from '../analysis/comparison.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';

/** Rows for each place and variant. */
const maxShown = 3;

/** The inputs that places answer otherwise, those of which both were surest. */
export function flipsSection(report: Report): Section {
  const reference = placeText(report.places.find((place) => place.isReference));
  // Scenarios and settings share the outputs.
  const groups = Map.groupBy(report.comparisons, ({ placeId, variant }) => `${placeId} ${variant.digest}`);
  const rows = [...groups.values()].flatMap(([row]) => rowsOf(row!, report));
  const titles = [
    'device',
    'backend',
    'variant',
    'input',
    'label',
    'here',
    'there',
    'margin here',
    'margin there',
    'own',
  ];
  return {
    id: 'flips',
    title: 'Inputs that flip',
    lead: `Inputs whose best class is another one than at ${reference}, for each place and variant the ${maxShown} of which both were surest. Margin: by how much a place prefers its class to the other’s, in the model’s outputs; where it is near 0 the input lies on the edge, and any other rounding flips it. Own: fp32 answers alike in both places.`,
    table: {
      columns: titles.map((title, index) => ({ title, numeric: index >= 3 && index <= 8 })),
      rows,
    },
    isDetail: true,
  };
}

function rowsOf({ flips, placeId, variant }: PlaceComparison, { places }: Report): string[][] {
  const place = places.find(({ id }) => id === placeId);
  return (flips?.worst ?? [])
    .slice(0, maxShown)
    .map((flip) =>
      [
        place?.deviceName ?? placeId,
        place?.backendId ?? '',
        variant.name,
        String(flip.input),
        flip.label === undefined ? '-' : String(flip.label),
        String(flip.here),
        String(flip.there),
        flip.marginHere.toPrecision(3),
        flip.marginThere.toPrecision(3),
        flip.isOwn === undefined ? '-' : flip.isOwn ? 'yes' : 'no',
      ].map(stripControl),
    );
}
