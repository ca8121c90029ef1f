import { printableName } from '@qfleet/shared/terminal/printable-name.ts';
import * as z from 'zod';
import { recipeSchema } from '../quantize/recipes/recipe.ts';

/** Order to import a dataset from a path on the coordinator's machine. */
export const addDatasetSchema = z.strictObject({
  /** Absolute path of a file or folder that the coordinator can read. */
  path: z.string().min(1),
  name: printableName.min(1),
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
  /** How class folders are numbered: integers by value (auto), or all as text. */
  classOrder: z.enum(['auto', 'numeric', 'text']).default('auto'),
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
  /** Dataset to calibrate with, name or digest: its calibration split, or all of it. Recipes without calibration do without. */
  calibration: z.string().min(1).optional(),
  /** By name, `all` for every named one, or written out. */
  recipes: z.array(z.union([z.string().min(1), recipeSchema])).min(1),
  /** First so many items of the calibration split; 0: all. */
  limit: z.number().int().nonnegative().default(0),
  /** So many times with another random set of `limit` items of the split, to see what that choice does; 0: the first items, once. */
  resamples: z.number().int().nonnegative().max(50).default(0),
});
export type QuantizeParams = z.infer<typeof quantizeSchema>;

/** What the task `quantize` gives. */
export const quantizedSchema = z.object({
  variants: z.array(
    z.object({
      digest: z.string(),
      name: z.string(),
      sizeBytes: z.number(),
      /** Against the model, over the calibration inputs, dB. */
      outputSqnrDb: z.number().optional(),
      warnings: z.array(z.string()).default([]),
    }),
  ),
  /** About the model and the calibration inputs. */
  warnings: z.array(z.string()).default([]),
  /** Recipes that do not fit the model or its data, with the reason. */
  refused: z.array(
    z.object({ recipe: z.string(), code: z.string(), message: z.string(), hint: z.string().optional() }),
  ),
});
export type Quantized = z.infer<typeof quantizedSchema>;
