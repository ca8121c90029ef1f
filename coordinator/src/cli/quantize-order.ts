import * as z from 'zod';
import type { GlobalOptions } from './cli-context.ts';

/** What `qfleet quantize` takes, parsed. */
export interface QuantizeOptions extends GlobalOptions {
  readonly calibration: string;
  readonly recipe: string[];
  readonly limit: number;
  readonly output: string;
  readonly out?: string;
  readonly contract?: string;
  readonly preset?: string;
}

const madeSchema = z.object({ digest: z.string(), name: z.string(), sizeBytes: z.number() });
/** A variant that was made. */
export type Made = z.infer<typeof madeSchema>;

/** What the task `quantize` gives. */
export const quantizedSchema = z.object({ variants: z.array(madeSchema) });
export type Quantized = z.infer<typeof quantizedSchema>;
