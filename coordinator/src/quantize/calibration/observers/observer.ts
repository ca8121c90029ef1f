import * as z from 'zod';
import type { ActivationFormat, Range } from '../../static/compute-scale.ts';
import type { TensorStatistics } from '../tensor-statistics.ts';

/** Which observer with which parameters, as recipes name it. */
export const observerSchema = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('min-max') }),
  z.strictObject({ method: z.literal('moving-average') }),
  z.strictObject({
    method: z.literal('percentile'),
    /** Share of values on each side of which the range is cut, percent. */
    percentile: z.number().gt(50).max(100).default(99.999),
  }),
  z.strictObject({ method: z.literal('entropy') }),
  z.strictObject({ method: z.literal('mse') }),
]);
export type ObserverSpec = z.infer<typeof observerSchema>;

/** A recipe's choice: one observer, or `search` for the one that turns out best on the calibration inputs. */
export const observerChoiceSchema = z.union([
  observerSchema,
  z.strictObject({ method: z.literal('search') }),
]);

/** How a range follows from what calibration has seen of a tensor. Pure. */
export interface Observer {
  readonly method: ObserverSpec['method'];
  /** One line for people. */
  readonly description: string;
  /** Needs a second pass over the inputs. */
  readonly needsHistogram: boolean;
  /** The range that quantization has to cover; within the extremes. */
  chooseRange(statistics: TensorStatistics, format: ActivationFormat, spec: ObserverSpec): Range;
}

/** An observer for people and records: `percentile 99.99`. */
export function describeObserver(observer: ObserverSpec): string {
  return observer.method === 'percentile' ? `percentile ${observer.percentile}` : observer.method;
}
