import * as z from 'zod';
import { imageFilters } from './images/resample.ts';
import { type ContractFields, contractPresets } from './input-contract.ts';

const presets = Object.keys(contractPresets) as (keyof typeof contractPresets)[];

/**
 * What a user may say of an input contract, in a file or over the API; no defaults, so that what was left
 * out can be taken from the model. Unknown keys are errors.
 */
export const contractFieldsSchema = z.strictObject({
  preset: z.enum(presets).optional(),
  layout: z.enum(['NCHW', 'NHWC', 'as-is']).optional(),
  elementType: z.string().optional(),
  channels: z.enum(['RGB', 'BGR', 'gray', '']).optional(),
  height: z.number().int().nonnegative().optional(),
  width: z.number().int().nonnegative().optional(),
  resize: z.union([z.number().int().positive(), z.enum(['cover', 'stretch'])]).optional(),
  filter: z.enum(imageFilters).optional(),
  scale: z.number().optional(),
  mean: z.array(z.number()).optional(),
  deviation: z.array(z.number()).optional(),
  inputName: z.string().optional(),
}) satisfies z.ZodType<ContractFields>;
