import type { ModelProto } from '../../gen/onnx/onnx_pb.js';

/** What a conversion makes of a folded float32 model. Pure: equal inputs give equal bytes. */
export interface ConvertedModel {
  readonly model: ModelProto;
  /** Operators that are in another number format than float32, by type. */
  readonly quantizedOperators: Record<string, number>;
  /** Operators on float32 tensors that stay so, by type. */
  readonly floatOperators: Record<string, number>;
  /** For people: what was kept float and why, what was clipped. */
  readonly notes: readonly string[];
  /** What speaks against using it. */
  readonly warnings?: readonly string[];
}
