import * as z from 'zod';
import { observerChoiceSchema } from '../calibration/observers/observer.ts';
import { profileIds } from '../profiles/find-profile.ts';

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'expected up to 64 of a-z 0-9 . _ - (it becomes a file name)');

const common = {
  id: name,
  /** One line for people. */
  description: z.string().default(''),
};

/** Operators that stay float whatever else the recipe says. */
const keepFloatSchema = z.strictObject({
  /** Names of nodes of the folded model. */
  nodes: z.array(z.string()).default([]),
  /** Operator types, `Conv`. */
  operators: z.array(z.string()).default([]),
  /** The first, the last multiply-accumulate operator. */
  first: z.boolean().default(false),
  last: z.boolean().default(false),
});

const staticSchema = z.strictObject({
  ...common,
  scheme: z.literal('static'),
  /** Target whose rules say where quantize steps go. */
  profile: z.enum(profileIds).default('onnxruntime-cpu-x64'),
  activations: z
    .strictObject({
      elementType: z.enum(['uint8', 'int8', 'uint16', 'int16']).default('uint8'),
      symmetric: z.boolean().default(false),
    })
    .prefault({}),
  weights: z
    .strictObject({
      elementType: z.enum(['int8', 'uint8']).default('int8'),
      bits: z.union([z.literal(8), z.literal(7)]).default(8),
      granularity: z.enum(['per-tensor', 'per-channel']).default('per-channel'),
    })
    .prefault({}),
  observer: observerChoiceSchema.default({ method: 'min-max' }),
  /** Cross-layer equalization before anything is quantized. */
  equalize: z.boolean().default(false),
  /** Takes the mean error that rounded weights make out of the biases. */
  correctBias: z.boolean().default(false),
  keepFloat: keepFloatSchema.prefault({}),
  /** Keeps the most sensitive operators float until the goal is met. */
  goal: z
    .strictObject({
      /** Share of calibration inputs whose top-1 may differ from the float model's, percentage points; a bound on the accuracy lost on them. */
      maxFlipsPoints: z.number().min(0).max(100),
      /** Size of the weights, as a share of the float32 model's: what is kept float stays within it, goal or not. */
      maxSizeRatio: z.number().gt(0).max(1).default(0.5),
    })
    .optional(),
});

const dynamicSchema = z.strictObject({
  ...common,
  scheme: z.literal('dynamic'),
  weights: z
    .strictObject({
      bits: z.union([z.literal(8), z.literal(7)]).default(8),
      granularity: z.enum(['per-tensor', 'per-channel']).default('per-channel'),
    })
    .prefault({}),
});

const weightOnlySchema = z.strictObject({
  ...common,
  scheme: z.literal('weight-only'),
  /** Weights that share a scale along the summed axis. */
  blockSize: z
    .union([z.literal(16), z.literal(32), z.literal(64), z.literal(128), z.literal(256)])
    .default(32),
  /** Zero points in the middle, or one for each block. */
  symmetric: z.boolean().default(false),
  /** In what products are computed: 1 float32, the same on every device; 4 int8 activations, faster and not the same. */
  accuracyLevel: z.union([z.literal(1), z.literal(4)]).default(1),
});

/** How a variant is made, complete: equal recipes on equal models and data give equal bytes. */
export const recipeSchema = z.discriminatedUnion('scheme', [
  z.strictObject({ ...common, scheme: z.literal('float32') }),
  z.strictObject({ ...common, scheme: z.literal('float16') }),
  staticSchema,
  dynamicSchema,
  weightOnlySchema,
]);

export type Recipe = z.infer<typeof recipeSchema>;
export type StaticRecipe = z.infer<typeof staticSchema>;
/** A recipe as it may be written: what is left out has its default. */
export type RecipeInput = z.input<typeof recipeSchema>;

/** A named recipe with its defaults filled in, frozen. */
export function defineRecipe(recipe: RecipeInput): Recipe {
  return Object.freeze(recipeSchema.parse(recipe));
}
