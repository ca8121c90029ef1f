import type { NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { readFloat, readInt, readString } from '../../onnx/attribute.ts';
import { readClipBounds } from '../../onnx/clip-bounds.ts';
import type { GraphIndex } from '../../onnx/graph-index.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import type { BackendProfile } from '../profiles/backend-profile.ts';

/** A multiply-accumulate operator that can run on integers. */
export interface MacRole {
  readonly kind: 'mac';
  /** Inputs that are activations, by position. */
  readonly activations: readonly number[];
  /** Input 1, where it is a constant; `axis` is its output channel, undefined where only one scale works. */
  readonly weight: { readonly name: string; readonly axis: number | undefined } | undefined;
  /** Input 2, a constant with one value per output channel. */
  readonly bias: string | undefined;
  /** Whether the output may stay float: Gemm and MatMul have kernels from integers to float, Conv has none. */
  readonly canEndInFloat: boolean;
}

/** An operator with an integer kernel of its own scales, worth it only between multiply-accumulate operators. */
export interface LightRole {
  readonly kind: 'light';
  readonly activations: readonly number[];
  /** Inputs that are constants, by position: they become uint8 too. */
  readonly constants: readonly number[];
}

/** An operator that only moves or selects values: its output has its input's scale. */
interface PassThroughRole {
  readonly kind: 'pass-through';
  /** Whether it moves or compares values alone; a mean of clipped values is another than the clipped mean. */
  readonly commutesWithClipping: boolean;
}

/** Relu or Clip: once the output is uint8, its range does the clipping. */
interface ClipRole {
  readonly kind: 'clip';
  readonly low: number;
  readonly high: number;
}

/** Computed in float32; the reason is for people, absent where the operator has no integer form at all. */
interface FloatRole {
  readonly kind: 'float';
  readonly reason?: string;
}

export type OperatorRole = MacRole | LightRole | PassThroughRole | ClipRole | FloatRole;

export interface RoleContext {
  readonly index: GraphIndex;
  readonly types: ReadonlyMap<string, TensorType>;
  /** Of the file that will be written. */
  readonly opset: number;
  readonly profile: Pick<BackendProfile, 'id' | 'integerOperators'>;
  /** Nodes that the recipe keeps float. */
  readonly keptFloat: ReadonlySet<string>;
}

/**
 * What a node can be in a quantized graph: by its operator, by the fusion rules of ONNX Runtime's CPU kernels
 * (qdq_selectors.cc), and by what the target has integer forms of.
 */
export function classifyOperator(node: NodeProto, context: RoleContext): OperatorRole {
  const classify = node.domain === '' || node.domain === 'ai.onnx' ? classifiers[node.opType] : undefined;
  if (!classify) return { kind: 'float' };
  if (!isFloat(node.output[0], context)) return otherFormat(node, context);
  if (context.keptFloat.has(node.name)) return float('the recipe keeps it float');
  const role = classify(node, context);
  if (role.kind === 'float' || role.kind === 'clip' || context.profile.integerOperators.has(node.opType))
    return role;
  return role.kind === 'mac'
    ? float(`${context.profile.id} has no integer kernel for ${node.opType}`)
    : { kind: 'float' };
}

/** Why an operator on another float format has no part in it; whole numbers need no reason. */
function otherFormat(node: NodeProto, { types }: RoleContext): FloatRole {
  const found = types.get(node.output[0] ?? '')?.elementType;
  const isMac = macOperators.has(node.opType);
  return isMac && found && /float/.test(found)
    ? float(`it computes in ${found}, not in float32`)
    : { kind: 'float' };
}

/** Operators that multiply and accumulate. */
export const macOperators: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

type Classifier = (node: NodeProto, context: RoleContext) => OperatorRole;

const float = (reason: string): FloatRole => ({ kind: 'float', reason });

function isFloat(tensor: string | undefined, context: RoleContext): boolean {
  return tensor !== undefined && context.types.get(tensor)?.elementType === 'float32';
}

function isActivation(tensor: string | undefined, context: RoleContext): boolean {
  return isFloat(tensor, context) && !context.index.initialisers.has(tensor!);
}

const classifyConv =
  (channelAxis: number): Classifier =>
  (node, context) => {
    const [input, weightName = '', biasName = ''] = node.input;
    const weight = context.index.initialisers.get(weightName);
    if (!isActivation(input, context)) return float('its input is no float32 activation');
    if (!weight || !isFloat(weightName, context)) return float('its weights are not constant float32');
    if (biasName !== '' && !context.index.initialisers.has(biasName))
      return float('its bias is not constant');
    // With groups, ConvTranspose has its output channels spread over two axes.
    const isSpread = channelAxis === 1 && readInt(node, 'group', 1) > 1;
    return {
      kind: 'mac',
      activations: [0],
      weight: { name: weightName, axis: isSpread ? undefined : channelAxis },
      bias: biasName === '' ? undefined : biasName,
      canEndInFloat: false,
    };
  };

const classifyGemm: Classifier = (node, context) => {
  const [input, weightName = '', biasName = ''] = node.input;
  if (!isActivation(input, context)) return float('its input is no float32 activation');
  const weight = context.index.initialisers.get(weightName);
  if (!weight || !isFloat(weightName, context)) return float('its weights are not constant float32');
  if (readFloat(node, 'alpha', 1) !== 1 || readFloat(node, 'beta', 1) !== 1)
    return float('alpha or beta is not 1');
  if (readInt(node, 'transA', 0) !== 0) return float('its input is transposed');
  const axis = readInt(node, 'transB', 0) === 1 ? 0 : 1;
  if (biasName !== '') {
    const bias = context.index.initialisers.get(biasName);
    const rows = bias?.dims.slice(0, -1).every((size) => size === 1n);
    if (!bias || !rows || bias.dims.at(-1) !== weight.dims[axis])
      return float('its bias is not one constant value per output channel');
  }
  return {
    kind: 'mac',
    activations: [0],
    weight: { name: weightName, axis },
    bias: biasName === '' ? undefined : biasName,
    canEndInFloat: !context.index.consumers
      .get(node.output[0]!)
      ?.some((next) => fusedIntoFloatGemm.has(next.opType)),
  };
};

/** ONNX Runtime fuses these into a float Gemm before it looks for an integer one (gemm_activation_fusion.cc). */
const fusedIntoFloatGemm = new Set([
  'Elu',
  'HardSigmoid',
  'LeakyRelu',
  'Relu',
  'Selu',
  'Sigmoid',
  'Softplus',
  'Softsign',
  'Tanh',
  'ThresholdedRelu',
]);

const classifyMatMul: Classifier = (node, context) => {
  const [left, right = ''] = node.input;
  if (isFloat(left, context) && context.index.initialisers.has(left!))
    return float('its weights are its first input, and integer kernels take them as the second');
  if (!isActivation(left, context)) return float('its first input is no float32 activation');
  const weight = context.index.initialisers.get(right);
  if (!weight) {
    if (!isActivation(right, context)) return float('its second input is no float32 activation');
    return { kind: 'mac', activations: [0, 1], weight: undefined, bias: undefined, canEndInFloat: true };
  }
  if (!isFloat(right, context)) return float('its weights are not constant float32');
  const axis = weight.dims.length === 2 ? 1 : undefined;
  return {
    kind: 'mac',
    activations: [0],
    weight: { name: right, axis },
    bias: undefined,
    canEndInFloat: true,
  };
};

const classifyElementwise: Classifier = (node, context) => {
  const positions = node.input.map((_, position) => position);
  const constants = positions.filter((position) => context.index.initialisers.has(node.input[position]!));
  const activations = positions.filter((position) => !constants.includes(position));
  if (activations.length === 0 || !node.input.every((input) => isFloat(input, context)))
    return { kind: 'float' };
  return { kind: 'light', activations, constants };
};

const classifySingleInput: Classifier = (node, context) =>
  isActivation(node.input[0], context)
    ? { kind: 'light', activations: [0], constants: [] }
    : { kind: 'float' };

const classifyPassThrough: Classifier = (node, context) =>
  isActivation(node.input[0], context)
    ? { kind: 'pass-through', commutesWithClipping: true }
    : { kind: 'float' };

const classifyMaxPool: Classifier = (node, context) => {
  if (context.opset < 12) return float('MaxPool takes integers from opset 12 on');
  if (node.output.filter((output) => output !== '').length > 1) return float('its indices are used');
  return classifyPassThrough(node, context);
};

const classifyResize: Classifier = (node, context) => {
  const mode = readString(node, 'mode', 'nearest');
  const coordinates = readString(node, 'coordinate_transformation_mode', 'half_pixel');
  // Cubic interpolation overshoots the range, and cropping fills in values from outside.
  const stays = (mode === 'nearest' || mode === 'linear') && coordinates !== 'tf_crop_and_resize';
  if (!stays) return float(`mode ${mode}, ${coordinates}`);
  const role = classifyPassThrough(node, context);
  return role.kind === 'pass-through' ? { ...role, commutesWithClipping: mode === 'nearest' } : role;
};

const classifyClip: Classifier = (node, context) => {
  const bounds = readClipBounds(node, context.index);
  if (!bounds) return float('its bounds are not constant');
  const { low, high } = bounds;
  return low <= 0 && high >= 0 ? { kind: 'clip', low, high } : float('its bounds exclude 0');
};

const classifiers: Readonly<Record<string, Classifier>> = {
  Conv: classifyConv(0),
  ConvTranspose: classifyConv(1),
  Gemm: classifyGemm,
  MatMul: classifyMatMul,
  Add: classifyElementwise,
  Mul: classifyElementwise,
  Concat: classifyElementwise,
  AveragePool: classifySingleInput,
  GlobalAveragePool: classifySingleInput,
  LeakyRelu: classifySingleInput,
  Sigmoid: classifySingleInput,
  Relu: () => ({ kind: 'clip', low: 0, high: Number.POSITIVE_INFINITY }),
  Clip: classifyClip,
  MaxPool: classifyMaxPool,
  Resize: classifyResize,
  Expand: classifyPassThrough,
  Flatten: classifyPassThrough,
  Gather: classifyPassThrough,
  Reshape: classifyPassThrough,
  Slice: classifyPassThrough,
  Split: classifyPassThrough,
  Squeeze: classifyPassThrough,
  Transpose: classifyPassThrough,
  Unsqueeze: classifyPassThrough,
};
