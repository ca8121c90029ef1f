import type { GraphProto, NodeProto } from '../../gen/onnx/onnx_pb.js';
import { findAttribute, readFloat, readInt } from './attribute.ts';
import { findElementType } from './element-type.ts';
import { type GraphIndex, hasSoleConsumer, indexGraph } from './graph-index.ts';
import { dequantizerBehind, findStored, resolveConstant } from './resolve-constant.ts';

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
 * layer's name (its output's where it has none). The rules are those of its QDQ transformers (qdq_selectors.cc and
 * qdq_s8_to_u8.cc, 1.30): every input from an 8-bit DequantizeLinear, the only reader of the output a QuantizeLinear
 * of the same type, and on x64 no int8 activations but those that one reader takes, which are turned into uint8.
 * A prediction: running it may refute it.
 */
export function predictKernels(graph: GraphProto): Map<string, Record<KernelTarget, ExpectedKernel>> {
  const index = indexGraph(graph);
  const found = new Map<string, Record<KernelTarget, ExpectedKernel>>();
  for (const node of graph.node) {
    const isInteger = integerOperators.test(node.opType) || multipliesBytes(node);
    if (!isInteger && !layerOperators.test(node.opType)) continue;
    const name = node.name || (node.output[0] ?? '');
    found.set(name, {
      x64: isInteger || fuses(node, index, 'x64') ? 'integer' : 'float',
      arm: isInteger || fuses(node, index, 'arm') ? 'integer' : 'float',
    });
  }
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
}

function fuses(node: NodeProto, index: GraphIndex, target: KernelTarget): boolean {
  if (!fusableOperators.test(node.opType)) return false;
  const activation = codesBehind(node.input[0], index);
  const weight = codesBehind(node.input[1], index);
  if (!activation || !weight || !isByte(activation.type) || !isByte(weight.type)) return false;
  // A float bias is quantized for a Conv; a Gemm stays float with it.
  if (node.opType === 'Gemm' && !isPlainGemm(node, index)) return false;
  const output = codesAfter(node, index);
  if (output === 'float') {
    return (
      mayEndInFloat.test(node.opType) && runsOn(activation, target) && fitsWeight(activation, weight, target)
    );
  }
  if (!runsOn(activation, target) || !runsOn(output, target)) return false;
  return typeOn(activation, target) === typeOn(output, target) && fitsWeight(activation, weight, target);
}

/** int8 activations take int8 weights. */
function fitsWeight(activation: Codes, weight: Codes, target: KernelTarget): boolean {
  return typeOn(activation, target) === 'uint8' || weight.type === 'int8';
}

function isByte(type: string): boolean {
  return type === 'int8' || type === 'uint8';
}

/** On x64 int8 codes are turned into uint8 where exactly one reader takes them; others keep their operators float. */
function runsOn({ type, isSole }: Codes, target: KernelTarget): boolean {
  return type === 'uint8' || (type === 'int8' && (target === 'arm' || isSole));
}

function typeOn({ type }: Codes, target: KernelTarget): string {
  return target === 'x64' ? 'uint8' : type;
}

/** A bias is added to the integer sums: with factors, or in float, it has no place in the integer kernel. */
function isPlainGemm(node: NodeProto, index: GraphIndex): boolean {
  if (!node.input[2]) return true;
  const hasFactors = readFloat(node, 'alpha', 1) !== 1 || readFloat(node, 'beta', 1) !== 1;
  return !hasFactors && codesBehind(node.input[2], index) !== undefined;
}

/**
 * The codes from which a DequantizeLinear makes this tensor, where nothing but views lies between, which the runtime
 * moves or folds; undefined where it comes from elsewhere, or the step is one that the runtime does not fuse.
 */
function codesBehind(name: string | undefined, index: GraphIndex): Codes | undefined {
  const step = dequantizerBehind(name ?? '', [index]);
  if (!step || !hasFloatScale(step, index)) return undefined;
  const codes = step.input[0] ?? '';
  const type = resolveConstant(codes, [index])?.elementType ?? typeOfStep(step, index);
  const maker = index.producers.get(codes);
  if (type === undefined || (maker?.opType === 'QuantizeLinear' && typeOfStep(maker, index) === undefined))
    return undefined;
  return { type, isSole: hasOneReader(index, codes) };
}

/** Whether one operator alone reads these codes: the runtime gives each reader a DequantizeLinear of its own first. */
function hasOneReader(index: GraphIndex, codes: string): boolean {
  if (!hasSoleConsumer(index, codes)) return false;
  const [step] = index.consumers.get(codes) ?? [];
  if (step?.opType !== 'DequantizeLinear') return true;
  const values = step.output[0] ?? '';
  // Whoever asks for the shape alone is folded away before.
  const readers = (index.consumers.get(values) ?? []).filter(({ opType }) => opType !== 'Shape');
  return readers.length + (index.outputs.has(values) ? 1 : 0) === 1 && !index.captured.has(values);
}

/** Operators through which the runtime moves the quantize step behind them forward. */
const passesCodes = /^(Identity|Reshape|Transpose|Squeeze|Unsqueeze|Flatten|Slice|MaxPool)$/;

/** What is made of the output: codes, or `float` where it stays so or several read it. */
function codesAfter(node: NodeProto, index: GraphIndex): Codes | 'float' {
  const output = node.output[0] ?? '';
  const [reader] = index.consumers.get(output) ?? [];
  if (!reader || !hasSoleConsumer(index, output)) return 'float';
  // A Relu whose output starts at its zero point is what the range does anyway.
  if (/^(Relu|Clip)$/.test(reader.opType)) {
    const codes = codesAfter(reader, index);
    return codes !== 'float' && startsAtZero(reader, index) ? codes : 'float';
  }
  if (passesCodes.test(reader.opType)) return codesAfter(reader, index);
  if (reader.opType !== 'QuantizeLinear' || !hasFloatScale(reader, index)) return 'float';
  const type = typeOfStep(reader, index);
  return type === undefined ? 'float' : { type, isSole: hasOneReader(index, reader.output[0] ?? '') };
}

/** Whether the QuantizeLinear behind a Relu has its zero point at the least code. */
function startsAtZero(relu: NodeProto, index: GraphIndex): boolean {
  const [step] = index.consumers.get(relu.output[0] ?? '') ?? [];
  const zeroPoint = findStored(step?.input[2] ?? '', [index]);
  if (!zeroPoint) return true;
  const value = zeroPoint.rawData.length > 0 ? zeroPoint.rawData[0]! : (zeroPoint.int32Data[0] ?? 0);
  return typeNamed(zeroPoint.dataType) === 'uint8' ? value === 0 : value === 0x80 || value === -128;
}

/** Type of a step's codes by its zero point, uint8 without one; undefined where `output_dtype` says it instead, which the runtime does not fuse. */
function typeOfStep(step: NodeProto, index: GraphIndex): string | undefined {
  const name = step.input[2] ?? '';
  if (name === '') return findAttribute(step, 'output_dtype') ? undefined : 'uint8';
  const zeroPoint = findStored(name, [index]);
  return zeroPoint && typeNamed(zeroPoint.dataType);
}

/** Integer kernels take float32 scales alone. */
function hasFloatScale(step: NodeProto, index: GraphIndex): boolean {
  const scale = findStored(step.input[1] ?? '', [index]);
  return !scale || typeNamed(scale.dataType) === 'float32';
}

function typeNamed(code: number): string | undefined {
  return findElementType(code)?.name;
}
