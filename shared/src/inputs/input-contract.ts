import * as z from 'zod';

/**
 * How raw items become a model's input: x = (item * scale - mean[c]) / deviation[c], each step in float32.
 * Part of the model. The same shape as the wire's InputContract.
 */
export const inputContractSchema = z.object({
  layout: z.enum(['NCHW', 'NHWC', 'as-is']),
  elementType: z.string().default('float32'),
  channels: z.enum(['RGB', 'BGR', 'gray', '']).default(''),
  /** 0 where the model's input is no image. */
  height: z.number().int().nonnegative().default(0),
  width: z.number().int().nonnegative().default(0),
  scale: z.number().default(1),
  /** One per channel, or one for all, or empty for 0. */
  mean: z.array(z.number()).default([]),
  /** One per channel, or one for all, or empty for 1. */
  deviation: z.array(z.number()).default([]),
  inputName: z.string().default(''),
});
export type InputContract = z.infer<typeof inputContractSchema>;
