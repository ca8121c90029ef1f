import { maxPairedPlaces, type PlacePair } from '../analysis/compare-pairs.ts';
import type { Footnotes } from './footnotes.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';
import { tableOfReadings } from './table-of-readings.ts';

/** With two places the sections on the reference place have said it all. */
const minPlaces = 3;

/** The transfer matrix: each place against each other, variant by variant. */
export function pairsSection(report: Report, footnotes: Footnotes): Section {
  const { places, pairs } = report;
  const rows =
    places.length < minPlaces
      ? []
      : pairs.flatMap((pair) => pair.variants.map((variant) => ({ pair, ...variant })));
  const left =
    places.length > maxPairedPlaces ? ` The first ${maxPairedPlaces} of ${places.length} places.` : '';
  return {
    id: 'pairs',
    title: 'Every pair of places',
    lead: `Ratio: latency in the first place over latency in the second, above 1 where the second is faster. Speed-up: that over fp32 in the second place over that in the first, 1 where it transfers. Accuracy: lost from the first to the second, over the same inputs. The other way round ratios are inverse and the sign of what is lost changes.${left}`,
    table: tableOfReadings(
      rows,
      [
        { title: 'first', text: ({ pair }) => nameOf(report, pair.firstPlaceId) },
        { title: 'second', text: ({ pair }) => nameOf(report, pair.secondPlaceId) },
        { title: 'variant', text: ({ variant }) => stripControl(variant.name) },
        {
          title: 'ratio',
          quantity: 'transfer.latency.ratio',
          reading: ({ latencyRatio }) => latencyRatio,
          interval: true,
        },
        {
          title: 'speed-up',
          quantity: 'speedup',
          reading: ({ speedUpRatio }) => speedUpRatio,
          interval: true,
        },
        {
          title: 'accuracy lost',
          quantity: 'accuracy.loss',
          reading: ({ accuracyDifference }) => accuracyDifference,
          interval: true,
        },
      ],
      footnotes,
    ),
    isDetail: true,
  };
}

/** Whether places rank the variants alike, and which change places. */
export function pairRanksSection(report: Report): Section {
  const told = report.pairs.filter(({ ranks }) => ranks.tau !== undefined || ranks.inversions.length > 0);
  return {
    id: 'variant-ranks',
    title: 'Is the fastest variant the same everywhere?',
    lead: 'Kendall’s τ-b of the variants’ latencies in two places, those tied that a test over launches does not tell apart; Spearman’s ρ beside it; neither of fewer than five variants. Named: who is shown to be faster in the first place and slower in the second.',
    table: {
      columns: [
        { title: 'first', numeric: false },
        { title: 'second', numeric: false },
        { title: 'variants', numeric: true },
        { title: 'τ-b', numeric: true },
        { title: 'ρ', numeric: true },
        { title: 'change places', numeric: false },
      ],
      rows: told.map(({ firstPlaceId, secondPlaceId, ranks }) =>
        [
          nameOf(report, firstPlaceId),
          nameOf(report, secondPlaceId),
          String(ranks.items),
          correlation(ranks.tau),
          correlation(ranks.rho),
          inversionsText(ranks.inversions),
        ].map(stripControl),
      ),
    },
  };
}

function nameOf({ places }: Report, placeId: string): string {
  return placeText(places.find(({ id }) => id === placeId));
}

function correlation(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(2);
}

function inversionsText(inversions: PlacePair['ranks']['inversions']): string {
  return inversions.map(({ faster, slower }) => `${faster} before ${slower}`).join('; ') || '-';
}
