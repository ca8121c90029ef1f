import * as z from 'zod';

/**
 * How raw items become a model's input: images are resized and cropped on the coordinator, once; then
 * x = (item * scale - mean[c]) / deviation[c], each step in float32. Part of the model. The wire's
 * InputContract has the same fields but resize and filter.
 */
export const inputContractSchema = z.object({
  layout: z.enum(['NCHW', 'NHWC', 'as-is']),
  elementType: z.string().default('float32'),
  channels: z.enum(['RGB', 'BGR', 'gray', '']).default(''),
  /** 0 where the model's input is no image. */
  height: z.number().int().nonnegative().default(0),
  width: z.number().int().nonnegative().default(0),
  /** How images come to that size; see `Resize` of the coordinator: shorter side in pixels, `cover` or `stretch`; then the centre is cropped. */
  resize: z.union([z.number().int().positive(), z.enum(['cover', 'stretch'])]).default('cover'),
  /** Resampling filter, as Pillow defines it. */
  filter: z.enum(['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos']).default('bilinear'),
  scale: z.number().default(1),
  /** One per channel, or one for all, or empty for 0. */
  mean: z.array(z.number()).default([]),
  /** One per channel, or one for all, or empty for 1. */
  deviation: z.array(z.number()).default([]),
  inputName: z.string().default(''),
});
export type InputContract = z.infer<typeof inputContractSchema>;
