import * as z from 'zod';

/** Order to import a dataset from a path on the coordinator's machine. */
export const addDatasetSchema = z.strictObject({
  /** Absolute path of a file or folder that the coordinator can read. */
  path: z.string().min(1),
  name: z.string().min(1),
  /** `calibration`: so many items for calibration, the rest for evaluation, without overlap; `none`: one split with all. */
  split: z
    .union([z.literal('none'), z.strictObject({ calibration: z.number().int().positive() })])
    .default({ calibration: 500 }),
  /** Orders the items before they are split; any unsigned 32-bit number. */
  seed: z.number().int().nonnegative().default(1),
  /** CSV with the labels, `file,label`, absolute path. */
  labelsCsv: z.string().optional(),
  /** Where the labels alone do not say it. */
  classCount: z.number().int().positive().optional(),
  /** Images of differing sizes are brought to this one, pixels. */
  resize: z
    .strictObject({ width: z.number().int().positive(), height: z.number().int().positive() })
    .optional(),
});
export type AddDatasetParams = z.infer<typeof addDatasetSchema>;

/** Order to make variants of a model. */
export const quantizeSchema = z.strictObject({
  /** Name or digest. */
  model: z.string().min(1),
  /** Dataset to calibrate with, name or digest: its calibration split, or all of it. */
  calibration: z.string().min(1),
  recipes: z.array(z.string().min(1)).min(1),
  /** First so many items of the calibration split; 0: all. */
  limit: z.number().int().nonnegative().default(0),
});
export type QuantizeParams = z.infer<typeof quantizeSchema>;
