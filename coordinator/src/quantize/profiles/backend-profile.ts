import type { Recipe } from '../recipes/recipe.ts';

/** What becomes of a number format on a backend. */
export type FormatVerdict = 'integer' | 'float' | 'converted' | 'refused';

/** The first rule that fits a recipe holds; what a rule leaves out fits everything. */
export interface FormatRule {
  readonly scheme?: Recipe['scheme'];
  /** Element types. */
  readonly activations?: readonly string[];
  readonly weights?: readonly string[];
  readonly symmetric?: boolean;
  /** `converted`: runs as another format than the file says. */
  readonly verdict: FormatVerdict;
  readonly why: string;
}

/** Where quantize steps go and which formats are legal on one target: data, one file each. */
export interface BackendProfile {
  readonly id: string;
  /** One line for people. */
  readonly description: string;
  /**
   * `around`: every input and output of an integer operator is quantized, so that a kernel from integers to integers
   * fits; `inputs`: only what goes into multiply-accumulate operators and residual additions is, and the target moves
   * the steps itself.
   */
  readonly placement: 'around' | 'inputs';
  /** Whether a Relu or Clip may be left to the range of its output. */
  readonly absorbsClips: boolean;
  readonly bias: 'int32' | 'float32';
  /** ONNX operators with an integer form. */
  readonly integerOperators: ReadonlySet<string>;
  readonly formats: readonly FormatRule[];
}
