import { readingValue } from '@qfleet/shared/reading.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import type { LatencyPrediction } from '../analysis/latency/predict-latencies.ts';
import type { Footnotes } from './footnotes.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { type Column, tableOfReadings } from './table-of-readings.ts';

/** What other machines told of each cell before it was looked at. */
export function latencyPredictionsSection(report: Report, footnotes: Footnotes): Section {
  const cells = new Map(report.cells.map((cell) => [cell.id, cell]));
  const cellOf = ({ cellId }: LatencyPrediction) => cells.get(cellId);
  const columns: Column<LatencyPrediction>[] = [
    { title: 'device', text: (row) => cellOf(row)?.deviceName ?? '' },
    { title: 'backend', text: (row) => cellOf(row)?.backend.id ?? '' },
    { title: 'variant', text: (row) => cellOf(row)?.variant.name ?? '' },
    { title: 'method', text: ({ method }) => method },
    { title: 'sources', text: ({ predicted }) => String('n' in predicted ? (predicted.n ?? 0) : 0) },
    {
      title: 'predicted p50',
      quantity: 'latency.p50',
      reading: ({ predicted }) => predicted,
      interval: true,
    },
    {
      title: 'measured p50',
      quantity: 'latency.p50',
      reading: (row) => cellOf(row)?.readings['latency.p50'],
    },
    {
      title: 'error',
      text: ({ error }) => (error === undefined ? '-' : `${(100 * error).toFixed(1)} %`),
    },
  ];
  return {
    id: 'latency-predictions',
    title: 'Latency, as other machines would have told it',
    lead: `Each cell from the same variant and backend on other machines, its own latency left out. gemm-ratio and bandwidth-ratio are the baselines; fp32-anchor takes the device’s own fp32.${errorsText(report.latencyPredictions)}`,
    table: tableOfReadings(report.latencyPredictions, columns, footnotes),
    isDetail: true,
  };
}

/** Median error by method, over the cells for which it can be told. */
function errorsText(predictions: readonly LatencyPrediction[]): string {
  const judged = predictions.filter(({ error, predicted }) => error !== undefined && readingValue(predicted));
  const parts = [...Map.groupBy(judged, ({ method }) => method)].map(([method, group]) => {
    const error = median(group.map((one) => Math.abs(one.error!)));
    return `${method} ${(100 * error).toFixed(1)} % (${group.length})`;
  });
  return parts.length > 0 ? ` Median error, cells in brackets: ${parts.join(', ')}.` : '';
}
