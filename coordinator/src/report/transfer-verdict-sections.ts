import { formatValue } from './format-quantity.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';

/** Whether what each quantized variant does in the reference place can be expected elsewhere. */
export function transferVerdictsSection(report: Report): Section {
  const reference = placeText(report.places.find((place) => place.isReference));
  const quantized = report.comparisons.filter(
    ({ variant }) => !report.variants.find(({ digest }) => digest === variant.digest)?.isReference,
  );
  const groups = Map.groupBy(quantized, ({ placeId, variant }) => `${placeId} ${variant.digest}`);
  const rows = [...groups.values()].map(([row]) => {
    const place = report.places.find(({ id }) => id === row!.placeId);
    const { mcnemar: test, transfer } = row!;
    return [
      place?.deviceName ?? row!.placeId,
      place?.backendId ?? '',
      row!.variant.name,
      transfer.verdict,
      test ? formatP(test.adjustedP) : '-',
      transfer.reasons.join('; '),
    ].map(stripControl);
  });
  const titles = ['device', 'backend', 'variant', 'verdict', 'p', 'because'];
  return {
    id: 'transfer',
    title: 'Does it transfer?',
    lead: `From ${reference} to each other place: answers within the margin of accuracy, and the speed-up over fp32 within 10 %, each shown by an interval; what is not shown either way cannot be said. p: McNemar’s test that the accuracies are equal, adjusted for all tests of this report (Holm).`,
    table: { columns: titles.map((title) => ({ title, numeric: title === 'p' })), rows },
  };
}

/** What to ship where. */
export function recommendationSection({ recommendation, places, run }: Report): Section {
  const rows = recommendation.places.map(({ placeId, best, front, misses }) => {
    const place = places.find(({ id }) => id === placeId);
    return [
      place?.deviceName ?? placeId,
      place?.backendId ?? '',
      best?.variant ?? 'none keeps the goals',
      best ? formatValue(best.latencyNs, { unit: 'ms', factor: 1e-6, decimals: 3 }) : '-',
      best?.lossPoints === undefined ? '-' : best.lossPoints.toFixed(2),
      best?.lossUpTo === undefined ? '-' : best.lossUpTo.toFixed(2),
      front.join(', '),
      misses.join('; ') || '-',
    ].map(stripControl);
  });
  const { everywhere } = recommendation;
  const one = everywhere
    ? ` The one for all places is ${stripControl(everywhere.variant)}: where it is worst, ${(100 * everywhere.regret).toFixed(1)} % slower than that place’s best.`
    : '';
  const goals = Object.entries((run.plan['goals'] ?? {}) as Record<string, number>).map(
    ([name, limit]) => `${name} ${limit}`,
  );
  const under = goals.length > 0 ? ` under the goals ${goals.join(', ')}` : '';
  const bound = recommendation.maxAccuracyLoss;
  const limit = bound?.isDefault
    ? ` As no goal for accuracy was set, it may lose at most ${bound.points} point of top-1 against fp32, by the upper end of the interval; goals.maxAccuracyLoss in the plan sets another limit.`
    : ' Limits of accuracy are kept by the upper end of the interval.';
  const titles = [
    'device',
    'backend',
    'ship',
    'p50, ms',
    'loss, points',
    'at most, points',
    'not beaten in all',
    'out',
  ];
  return {
    id: 'recommendation',
    title: 'What to ship where',
    lead: `The fastest variant${under}; those that no other beats in speed, accuracy and size at once.${limit}${one}`,
    table: {
      columns: titles.map((title, index) => ({ title, numeric: index >= 3 && index <= 5 })),
      rows,
    },
  };
}

function formatP(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}
