import type { Reading } from '@qfleet/shared/reading.ts';
import type { Cell } from '../analysis/cell.ts';
import type { Place } from '../analysis/place.ts';
import { formatValue, threeFigures } from './format-quantity.ts';
import { placeText } from './place-text.ts';

/** What came out, one sentence per place and quantized variant: does it pay, and is it still right? */
export function describeFindings(cells: readonly Cell[], places: readonly Place[]): string[] {
  const hasMany = new Set(cells.map(({ scenario }) => scenario)).size > 1;
  return cells
    .filter((cell) => !cell.isReference)
    .map((cell) => {
      const place = places.find((candidate) => candidate.id === cell.placeId);
      const speed = speedWords(cell);
      const load = hasMany ? `, ${cell.scenario}` : '';
      return `${placeText(place)}${load}: ${cell.variant.name} ${speed}, and ${lossWords(cell)}.`;
    });
}

function speedWords(cell: Cell): string {
  const reading = cell.readings['speedup'];
  if (!reading || reading.status === 'unavailable') return `was not timed (${codeOf(reading)})`;
  const trusted = cell.timing.verdict === 'trusted' ? '' : `, timing ${cell.timing.verdict}`;
  const interval = intervalWords(reading, threeFigures);
  const ratio = `${threeFigures(reading.value)}× fp32's speed${interval}${trusted}`;
  if (cell.speed === 'faster') return `is faster (${ratio})`;
  if (cell.speed === 'slower') return `is slower (${ratio})`;
  if (cell.speed === 'same') return `is as fast (${ratio})`;
  return cell.speed === 'not different'
    ? `shows no difference in speed (${ratio})`
    : `cannot be judged in speed (${ratio})`;
}

function lossWords(cell: Cell): string {
  const loss = cell.readings['accuracy.loss'];
  if (loss && loss.status !== 'unavailable') {
    const points = { unit: 'points', factor: 1, decimals: 2 };
    const interval = intervalWords(loss, (value) => formatValue(value, points));
    return `its top-1 loss is ${formatValue(loss.value, points)} points${interval} over ${loss.n ?? 0} inputs`;
  }
  const agreement = cell.readings['agreement.top1'];
  if (agreement && agreement.status !== 'unavailable') {
    const share = formatValue(agreement.value, { unit: '%', factor: 100, decimals: 2 });
    return `it agrees with fp32 on ${share} % of ${agreement.n ?? 0} inputs (no accuracy: ${codeOf(loss)})`;
  }
  const sqnr = cell.readings['sqnr.output'];
  if (sqnr?.flags?.includes('identical')) {
    return `its outputs are fp32’s, bit by bit (no accuracy: ${codeOf(loss)})`;
  }
  if (sqnr && sqnr.status !== 'unavailable') {
    return `its outputs are ${sqnr.value.toFixed(1)} dB from fp32’s (no accuracy: ${codeOf(loss)})`;
  }
  return `its accuracy is unknown (${codeOf(loss)})`;
}

function intervalWords(reading: Reading, format: (value: number) => string): string {
  if (reading.status === 'unavailable' || !reading.interval) return '';
  return ` [${format(reading.interval.low)}, ${format(reading.interval.high)}]`;
}

/** The reason's code, without the words that follow it. */
function codeOf(reading: Reading | undefined): string {
  return reading?.status === 'unavailable' ? (reading.reason.split(':')[0] ?? 'unknown') : 'not-reported';
}
