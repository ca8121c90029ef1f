import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { estimateMedian } from './median-interval.ts';

/** Rates of the last large transfers, B/s; see `blobs/transfer-log.ts`. */
export interface TransferRates {
  readonly download: readonly number[];
  readonly upload: readonly number[];
}

/**
 * `link.download` and `link.upload` (B/s): medians over the last blobs of more than 1 MB that came from or went to the
 * coordinator, disks at both ends included. Nothing is sent for the measurement's sake.
 */
export function linkReadings(transfers: TransferRates | undefined): Reading[] {
  return [linkReading('link.download', transfers?.download), linkReading('link.upload', transfers?.upload)];
}

/** The same readings where nothing is to be measured, with the reason. */
export function missingLinkReadings(reason: string): Reading[] {
  return ['link.download', 'link.upload'].map((quantity) => missing(quantity, reason));
}

const method = 'blob transfers over 1 MB/1';

function linkReading(quantity: string, rates: readonly number[] | undefined): Reading {
  if (rates === undefined) return missing(quantity, 'no-coordinator: an agent tells it of its own transfers');
  if (rates.length === 0) return missing(quantity, 'not-yet: nothing above 1 MB was transferred');
  const { median, interval } = estimateMedian(rates);
  return {
    quantity,
    status: 'measured',
    value: median,
    unit: 'B/s',
    method,
    n: rates.length,
    ...(interval ? { interval } : { flags: ['n<6'] }),
  };
}

function missing(quantity: string, reason: string): Reading {
  return { ...unavailable(quantity, 'B/s', reason), method };
}
