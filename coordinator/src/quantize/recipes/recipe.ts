import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import type { VariantRecord } from '../../artefacts/artefacts.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import type { Ranges } from '../choose-activation-scales.ts';

/** What a recipe starts from: the folded float32 model, its tensors' types, and the calibrated ranges. */
export interface RecipeInput {
  readonly folded: ModelProto;
  readonly types: ReadonlyMap<string, TensorType>;
  /** Empty for recipes without calibration. */
  readonly ranges: Ranges;
}

interface RecipeOutput {
  readonly model: ModelProto;
  readonly quantizedOperators: Record<string, number>;
  readonly floatOperators: Record<string, number>;
  readonly notes: readonly string[];
}

/** How a variant is made. Pure: equal inputs give equal bytes. */
export interface Recipe {
  readonly id: string;
  /** One line for people. */
  readonly description: string;
  /** Activations and weights, as in a variant's record. */
  readonly format: string;
  readonly granularity: VariantRecord['granularity'];
  readonly needsCalibration: boolean;
  apply(input: RecipeInput): RecipeOutput;
}
