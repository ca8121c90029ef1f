import type { FunctionProto, GraphProto, NodeProto } from '../../gen/onnx/onnx_pb.js';
import { findAttribute, readFloat, readInt } from './attribute.ts';
import { findElementType } from './element-type.ts';
import { hasOneReader, hasSoleConsumer, indexGraph } from './graph-index.ts';
import { inlineFunctions } from './inline-functions.ts';
import {
  dequantizerBehind,
  findStored,
  producerOf,
  resolveConstant,
  type Scopes,
  unchangedInput,
} from './resolve-constant.ts';
import { countElements, type Tensor } from './tensor.ts';
import { subgraphs } from './walk-graph.ts';

/** What a layer is expected to compute with. */
export type ExpectedKernel = 'integer' | 'float';
/** Kinds of processors whose kernels ONNX Runtime chooses by different rules. */
export type KernelTarget = 'x64' | 'arm';

/** Operators that are integer ones by themselves. */
const integerOperators =
  /^QLinear(Conv|MatMul)$|^QGemm$|^MatMulInteger(ToFloat)?$|^ConvInteger$|^DynamicQuantizeMatMul$/;
/** Operators that become such between DequantizeLinear and QuantizeLinear. */
const fusableOperators = /^(Conv|Gemm|MatMul)$/;
/** All that multiply and accumulate. */
const layerOperators = /^(Conv|Gemm|MatMul|ConvTranspose|MatMulNBits)$/;
/** Of these, the ones that may end in float32. */
const mayEndInFloat = /^(Gemm|MatMul)$/;

/**
 * What ONNX Runtime's CPU kernels will make of each layer that multiplies and accumulates, from the file alone, by the
 * layer's name (its output's where it has none); those of subgraphs and of the model's own functions included. The
 * rules are those of its QDQ transformers (qdq_selectors.cc and qdq_s8_to_u8.cc, 1.30): every input from an 8-bit
 * DequantizeLinear, the only reader of the output a QuantizeLinear of the same type, and on x64 no int8 activations
 * but those that one reader takes, which are turned into uint8. A prediction: running it may refute it.
 */
export function predictKernels(
  graph: GraphProto,
  functions: readonly FunctionProto[] = [],
): Map<string, Record<KernelTarget, ExpectedKernel>> {
  const found = new Map<string, Record<KernelTarget, ExpectedKernel>>();
  const visit = (inner: GraphProto, outer: Scopes): void => {
    const scopes = [indexGraph(inner), ...outer];
    for (const node of inner.node) {
      for (const subgraph of subgraphs(node)) visit(subgraph, scopes);
      const isInteger = integerOperators.test(node.opType) || multipliesBytes(node);
      if (!isInteger && !layerOperators.test(node.opType)) continue;
      found.set(node.name || (node.output[0] ?? ''), {
        x64: isInteger || fuses(node, scopes, 'x64') ? 'integer' : 'float',
        arm: isInteger || fuses(node, scopes, 'arm') ? 'integer' : 'float',
      });
    }
  };
  visit(inlineFunctions(graph, functions), []);
  return found;
}

/** MatMulNBits unpacks its weights to float32, unless its accuracy level asks for int8 activations. */
function multipliesBytes(node: NodeProto): boolean {
  return node.opType === 'MatMulNBits' && readInt(node, 'accuracy_level', 0) === 4;
}

/** One tensor between integer steps: the type of its codes, and whether one reader alone takes them. */
interface Codes {
  readonly type: string;
  readonly isSole: boolean;
  /** Of stored weights, whose type stays as it is. */
  readonly isConstant: boolean;
}

/** What is made of an output: codes; float values; or float values of a kind that keeps the layer itself in float. */
type Output = Codes | 'float' | 'kept-float';

function fuses(node: NodeProto, scopes: Scopes, target: KernelTarget): boolean {
  if (!fusableOperators.test(node.opType)) return false;
  const activation = codesBehind(activationOf(node, scopes), scopes, movedActivations);
  const weight = codesBehind(node.input[1], scopes, movedWeights);
  if (!activation || !weight || !isByte(activation.type) || !isByte(weight.type)) return false;
  if (!runsOn(activation, target) || !fitsWeight(activation, weight, target)) return false;
  const sum = addedBias(node, scopes);
  const output = codesAfter(sum ?? node, scopes);
  const hasFloatBias = sum !== undefined && !codesBehind(biasOf(sum, node), scopes, movedWeights);
  if (node.opType === 'Gemm' && !isPlainGemm(node, scopes, output)) return false;
  if (output === 'float') return mayEndInFloat.test(node.opType) && !hasFloatBias;
  if (output === 'kept-float' || !runsOn(output, target)) return false;
  return typeOn(activation, target) === typeOn(output, target);
}

/** The activation of a layer; for a Conv that of the Pad in front, which ONNX Runtime makes part of it. */
function activationOf(node: NodeProto, scopes: Scopes): string {
  const name = node.input[0] ?? '';
  const producer = producerOf(name, scopes);
  return node.opType === 'Conv' && producer?.opType === 'Pad' ? (producer.input[0] ?? '') : name;
}

/** The Add of a constant row behind a MatMul, which ONNX Runtime makes a Gemm of. */
function addedBias(node: NodeProto, scopes: Scopes): NodeProto | undefined {
  const output = node.output[0] ?? '';
  const [reader] = scopes[0]!.consumers.get(output) ?? [];
  if (node.opType !== 'MatMul' || reader?.opType !== 'Add' || !hasSoleConsumer(scopes[0]!, output))
    return undefined;
  const name = biasOf(reader, node);
  const bias = findStored(name, scopes) ?? resolveConstant(name, scopes);
  // A single number is added by itself, and so is what is left out of the graph as a sum with 0.
  const elements = countElements(bias?.dims.map(Number) ?? [0]);
  return elements > 1 && unchangedInput(reader, scopes) === undefined ? reader : undefined;
}

function biasOf(sum: NodeProto, product: NodeProto): string {
  return sum.input.find((name) => name !== product.output[0]) ?? '';
}

/** int8 activations take int8 weights. */
function fitsWeight(activation: Codes, weight: Codes, target: KernelTarget): boolean {
  return typeOn(activation, target) === 'uint8' || typeOn(weight, target) === 'int8';
}

function isByte(type: string): boolean {
  return type === 'int8' || type === 'uint8';
}

/** On x64 int8 codes are turned into uint8 where exactly one reader takes them; others keep their operators float. */
function runsOn({ type, isSole, isConstant }: Codes, target: KernelTarget): boolean {
  return type === 'uint8' || (type === 'int8' && (target === 'arm' || isSole || isConstant));
}

function typeOn({ type, isSole, isConstant }: Codes, target: KernelTarget): string {
  return target === 'x64' && isSole && !isConstant ? 'uint8' : type;
}

/**
 * A bias is added to the integer sums: with factors it has no place in the integer kernel. In float it is quantized
 * where the output is.
 */
function isPlainGemm(node: NodeProto, scopes: Scopes, output: Output): boolean {
  const bias = node.input[2];
  if (!bias) return true;
  if (readFloat(node, 'alpha', 1) !== 1 || readFloat(node, 'beta', 1) !== 1) return false;
  if (codesBehind(bias, scopes, movedWeights)) return true;
  return typeof output !== 'string' && findStored(bias, scopes) !== undefined;
}

/** Operators that the runtime moves a DequantizeLinear through, of activations and of constants. */
const movedActivations = /^(Reshape|Transpose|Squeeze|Unsqueeze|Slice|MaxPool)$/;
const movedWeights = /^Transpose$/;

/**
 * The codes from which a DequantizeLinear of this graph makes a tensor, where nothing lies between but what the runtime
 * moves or removes; undefined where it comes from elsewhere, or the step is one that the runtime does not fuse.
 */
function codesBehind(name: string | undefined, scopes: Scopes, through: RegExp): Codes | undefined {
  const [index] = scopes;
  const step = dequantizerBehind(name ?? '', scopes, through);
  if (!step || !index!.producers.has(step.output[0] ?? '') || !hasFloatScale(step, scopes)) return undefined;
  const codes = step.input[0] ?? '';
  const constant = resolveConstant(codes, scopes);
  if (constant) return { type: constant.elementType, isSole: true, isConstant: true };
  const maker = producerOf(codes, scopes);
  const type = maker?.opType === 'DynamicQuantizeLinear' ? 'uint8' : typeOfStep(step, scopes);
  if (type === undefined || (maker?.opType === 'QuantizeLinear' && typeOfStep(maker, scopes) === undefined))
    return undefined;
  return { type, isSole: hasOneReader(index!, codes), isConstant: false };
}

/** Operators through which the runtime moves the quantize step behind them forward. */
const passesCodes = /^(Identity|Reshape|Transpose|Squeeze|Unsqueeze|Slice|MaxPool)$/;

function codesAfter(node: NodeProto, scopes: Scopes): Output {
  const [index] = scopes;
  const output = node.output[0] ?? '';
  const [reader] = index!.consumers.get(output) ?? [];
  if (!reader || !hasSoleConsumer(index!, output)) return 'float';
  if (/^(Relu|Clip)$/.test(reader.opType)) {
    // It is taken for a part of the QuantizeLinear behind it, or for the graph's last operator.
    const codes = codesAfter(reader, scopes);
    if (codes === 'float') return index!.consumers.has(reader.output[0] ?? '') ? 'kept-float' : 'float';
    return codes !== 'kept-float' && isRedundant(reader, scopes) ? codes : 'kept-float';
  }
  if (passesCodes.test(reader.opType) || unchangedInput(reader, scopes) === output)
    return codesAfter(reader, scopes);
  if (reader.opType !== 'QuantizeLinear' || !hasFloatScale(reader, scopes)) return 'float';
  const type = typeOfStep(reader, scopes);
  if (type === undefined) return 'float';
  return { type, isSole: hasOneReader(index!, reader.output[0] ?? ''), isConstant: false };
}

/** Whether a Relu or Clip cuts nothing that the range of the QuantizeLinear behind it does not cut. */
function isRedundant(clip: NodeProto, scopes: Scopes): boolean {
  const [step] = scopes[0]!.consumers.get(clip.output[0] ?? '') ?? [];
  if (step?.opType !== 'QuantizeLinear') return false;
  const scale = numberOf(resolveConstant(step.input[1] ?? '', scopes));
  const zeroPoint = step.input[2] ? numberOf(resolveConstant(step.input[2], scopes)) : 0;
  if (scale === undefined || zeroPoint === undefined) return false;
  const [least, most] = typeOfStep(step, scopes) === 'int8' ? [-128, 127] : [0, 255];
  const [low, high] = clipBounds(clip, scopes);
  return low <= (least - zeroPoint) * scale && high >= (most - zeroPoint) * scale;
}

/** Least and most value that a Relu or Clip lets pass; bounds that are not stored let nothing pass. */
function clipBounds(clip: NodeProto, scopes: Scopes): [number, number] {
  if (clip.opType === 'Relu') return [0, Number.POSITIVE_INFINITY];
  const bound = (position: number, attribute: string, otherwise: number): number | undefined => {
    const name = clip.input[position];
    return name ? numberOf(resolveConstant(name, scopes)) : readFloat(clip, attribute, otherwise);
  };
  const low = bound(1, 'min', Number.NEGATIVE_INFINITY);
  const high = bound(2, 'max', Number.POSITIVE_INFINITY);
  return [low ?? Number.POSITIVE_INFINITY, high ?? Number.NEGATIVE_INFINITY];
}

function numberOf(tensor: Tensor | undefined): number | undefined {
  return tensor?.data.length === 1 ? Number(tensor.data[0]) : undefined;
}

/** Type of a step's codes by its zero point, uint8 without one; undefined where `output_dtype` says it instead, which the runtime does not fuse. */
function typeOfStep(step: NodeProto, scopes: Scopes): string | undefined {
  const name = step.input[2] ?? '';
  if (name === '') return findAttribute(step, 'output_dtype') ? undefined : 'uint8';
  const zeroPoint = findStored(name, scopes);
  return zeroPoint && findElementType(zeroPoint.dataType)?.name;
}

/** Integer kernels take float32 scales alone. */
function hasFloatScale(step: NodeProto, scopes: Scopes): boolean {
  const scale = findStored(step.input[1] ?? '', scopes);
  return !scale || findElementType(scale.dataType)?.name === 'float32';
}
