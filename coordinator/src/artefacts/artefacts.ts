import { inputContractSchema } from '@qfleet/shared/inputs/input-contract.ts';
import * as z from 'zod';

/** An input or output of a model; symbolic dimensions by name, unknown ones as `?`. */
export const tensorInfoSchema = z.object({
  name: z.string(),
  elementType: z.string(),
  shape: z.array(z.union([z.number(), z.string()])),
});
export type TensorInfo = z.infer<typeof tensorInfoSchema>;

/** A layer that multiplies and accumulates: work of one sample, and weights without biases. */
const layerSchema = z.object({
  name: z.string(),
  /** Other names that a runtime gives it: its output's, and those of what is fused into it. */
  aliases: z.array(z.string()),
  operator: z.string(),
  macs: z.number(),
  weights: z.number(),
});
export type Layer = z.infer<typeof layerSchema>;

/** A network before quantization. `digest` names its ONNX file in the blobs. */
export const modelSchema = z.object({
  digest: z.string(),
  name: z.string(),
  sizeBytes: z.number(),
  irVersion: z.number(),
  opsets: z.record(z.string(), z.number()),
  producer: z.string(),
  inputs: z.array(tensorInfoSchema),
  outputs: z.array(tensorInfoSchema),
  contract: inputContractSchema,
  /** Multiply-accumulates of one inference; absent where shapes do not tell. */
  macs: z.number().optional(),
  /** Layers that multiply and accumulate, in file order. */
  layers: z.array(layerSchema).optional(),
  createdAtMs: z.number(),
});
export type Model = z.infer<typeof modelSchema>;

/** How one tensor differs; a figure is absent where nothing differs. */
export const tensorCheckSchema = z.object({
  tensor: z.string(),
  /** Fake quantization against the float model, dB. */
  simulationSqnrDb: z.number().optional(),
  /** The kernels of the coordinator's machine against fake quantization, dB. */
  kernelSqnrDb: z.number().optional(),
  /** Share of values that differ between kernels and fake quantization, 0…1. */
  codesDiffer: z.number(),
});

/** A variant against its own simulation and the float model, layer by layer. */
export const layerCheckSchema = z.object({
  /** Inputs compared. */
  inputs: z.number(),
  /** Activations, in the order in which they are computed. */
  activations: z.array(tensorCheckSchema),
  /** The model's outputs. */
  outputs: z.array(tensorCheckSchema),
});
export type LayerCheck = z.infer<typeof layerCheckSchema>;

/** What was done to make a variant, and the check that followed. */
export const variantRecordSchema = z.object({
  recipe: z.string(),
  /** Weights and activations, `float32`, `uint8/int8`, … */
  format: z.string(),
  /** Of the weights; per-block where a channel has several scales (int4). */
  granularity: z.enum(['none', 'per-tensor', 'per-channel', 'per-block']),
  /** Zero points all in the middle or not, activations/weights: `asymmetric/symmetric`; `none` where nothing is quantized. */
  symmetry: z.string().optional(),
  /** How the file says what is integer: QuantizeLinear/DequantizeLinear pairs around float operators, integer operators, activations quantized in each inference, or weights alone. */
  placement: z.enum(['none', 'qdq', 'qoperator', 'dynamic', 'weight-only']).optional(),
  /** What a converter folds away and this file still has: BatchNormalization, and Relu or Clip between quantized operators. */
  folding: z.object({ batchNorms: z.number(), clips: z.number() }).optional(),
  calibration: z
    .object({
      datasetDigest: z.string(),
      method: z.string(),
      count: z.number(),
      /** SHA-256 over the item digests, in order. */
      samplesDigest: z.string(),
      /** Blob with the item digests, one hexadecimal line each, to find overlap with an evaluation set. */
      sampleDigestsBlob: z.string(),
      /** Where the inputs were drawn at random: which draw it was, and from how many. */
      resample: z.object({ seed: z.number(), pool: z.number() }).optional(),
      /** Blob with the ranges by tensor name, JSON. */
      rangesBlob: z.string(),
    })
    .optional(),
  /** Operators quantized and left in float, by type. */
  quantizedOperators: z.record(z.string(), z.number()),
  floatOperators: z.record(z.string(), z.number()),
  /** Against the model it was made from, over the calibration inputs, on the coordinator: dB. */
  outputSqnrDb: z.number().optional(),
  layerCheck: layerCheckSchema.optional(),
  /** Of a file made elsewhere, whose operators may have other names than the model's. */
  layers: z.array(layerSchema).optional(),
  /** The recipe with every choice written out; absent for files made elsewhere. */
  spec: z.record(z.string(), z.unknown()).optional(),
  /** What becomes of the number format on each target, by its profile: a prediction. */
  targets: z
    .record(
      z.string(),
      z.object({ verdict: z.enum(['integer', 'float', 'converted', 'refused']), why: z.string() }),
    )
    .optional(),
  /** What ONNX Runtime's rules let expect of each layer by its name in this file, on x64 and on Arm. */
  kernels: z
    .record(z.string(), z.object({ x64: z.enum(['integer', 'float']), arm: z.enum(['integer', 'float']) }))
    .optional(),
  /** Operators, and output channels of theirs, whose int8 weights may saturate 16 bits on x86 without VNNI. */
  saturation: z
    .object({
      operatorsAtRisk: z.number(),
      channelsAtRisk: z.number(),
      /** Operators whose weights could not be read, each with the reason. */
      unknown: z.array(z.string()).optional(),
    })
    .optional(),
  /** What speaks against using it: outputs unlike the model's, nothing saved, a goal missed. */
  warnings: z.array(z.string()).optional(),
  notes: z.array(z.string()),
});
export type VariantRecord = z.infer<typeof variantRecordSchema>;

/** The recipe that a record names where the variant is another one with inner tensors as outputs: lists and runs leave it out. */
export const exposedRecipe = 'exposed';

/** One concrete form of a model. `digest` names its ONNX file in the blobs. */
export const variantSchema = z.object({
  digest: z.string(),
  modelDigest: z.string(),
  name: z.string(),
  sizeBytes: z.number(),
  record: variantRecordSchema,
  createdAtMs: z.number(),
});
export type Variant = z.infer<typeof variantSchema>;

export const shardSchema = z.object({
  digest: z.string(),
  sizeBytes: z.number(),
  firstIndex: z.number(),
  count: z.number(),
});
export type Shard = z.infer<typeof shardSchema>;

/** One part of a dataset, in the order of its items. */
export const splitSchema = z.object({
  count: z.number(),
  shards: z.array(shardSchema),
  /** Blob: one uint32 class per item, little-endian; absent where there are no labels. */
  labelsBlob: z.string().optional(),
  /** Blob: one line of 64 hexadecimal digits per item, the SHA-256 of its raw bytes as it was imported (before any conversion of a derived dataset). */
  itemDigestsBlob: z.string(),
});
export type Split = z.infer<typeof splitSchema>;

/**
 * Inputs, with labels where there are any, stored raw. `digest` is the SHA-256 of the canonical JSON of
 * everything but name and time. `splits` is either {all}, or {calibration, evaluation} without overlap.
 */
export const datasetSchema = z.object({
  digest: z.string(),
  name: z.string(),
  /** Absent: raw items of one size. `image-files`: images of differing sizes, kept as they were found. */
  encoding: z.literal('image-files').optional(),
  /** One item, for images uint8 [height, width, channels]; height and width are 0 where they differ. */
  item: z.object({ elementType: z.string(), shape: z.array(z.number()) }),
  channels: z.enum(['RGB', 'BGR', 'gray', '']),
  count: z.number(),
  /** Absent without labels; then the number of classes, and their names where known. */
  classes: z.object({ count: z.number(), names: z.array(z.string()).optional() }).optional(),
  splitSeed: z.number().optional(),
  splits: z.object({
    all: splitSchema.optional(),
    calibration: splitSchema.optional(),
    evaluation: splitSchema.optional(),
  }),
  /** Set where the items were made from another dataset's by resizing for a model's input contract. */
  derivedFrom: z.object({ digest: z.string(), how: z.string() }).optional(),
  source: z.string(),
  createdAtMs: z.number(),
});
export type Dataset = z.infer<typeof datasetSchema>;
