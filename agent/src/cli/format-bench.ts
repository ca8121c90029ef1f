import { scaleCount } from '@qfleet/shared/counters/scale-count.ts';
import type { CounterLaunch } from '@qfleet/shared/result/job-result.ts';
import type { BenchResult } from './bench-result.ts';
import { formatReadings } from './format-readings.ts';

/** The result as text for a terminal: readings, the verdict with its reasons, counters where there are any. */
export function formatBench({
  scenario,
  inputShapes,
  timing,
  series,
  readings,
  counters,
}: BenchResult): string {
  const reasons = timing.reasons.map(({ code, detail }) => `  ${code}: ${detail}`);
  return [
    formatReadings(readings),
    '',
    ...(inputShapes ? [`random inputs ${formatShapes(inputShapes)}`] : []),
    `scenario ${scenario}, timing ${timing.verdict}`,
    ...reasons,
    ...(series
      ? [
          `  launched ${series.tried.length} times (${series.tried.join(', ')}); series ${series.chosen + 1} counts`,
        ]
      : []),
    ...(counters ? ['', ...counterLines(counters)] : []),
  ].join('\n');
}

function formatShapes(shapes: NonNullable<BenchResult['inputShapes']>): string {
  return Object.entries(shapes)
    .map(([name, dims]) => `${name} [${dims.join(', ')}]`)
    .join(', ');
}

/** Events per inference, and for those that cannot be had the reason, once for all that lack for the same. */
function counterLines({ events, inferences = 0, failure }: CounterLaunch): string[] {
  if (failure) return [`no counters: ${failure.message}`];
  const missing = new Map<string, string[]>();
  const lines: string[] = [];
  for (const event of events) {
    const scaled = scaleCount(event);
    if (scaled.reason !== undefined) {
      missing.set(scaled.reason, [...(missing.get(scaled.reason) ?? []), event.name]);
    } else if (inferences > 0) {
      lines.push(
        `  ${event.name.padEnd(20)} ${Number((scaled.value / inferences).toPrecision(4))}  (${event.event})`,
      );
    }
  }
  return [
    `counters, per inference over ${inferences}`,
    ...lines,
    ...[...missing].map(([reason, names]) => `  not available (${reason}): ${names.join(', ')}`),
  ];
}
