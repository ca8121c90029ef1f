import { create } from '@bufbuild/protobuf';
import {
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from '../../../gen/onnx/onnx_pb.js';
import { intAttribute, readInt } from '../../onnx/attribute.ts';
import { createTensor, readFloats } from '../../onnx/tensor.ts';
import { describeNode } from '../../onnx/walk-graph.ts';
import {
  type ActivationFormat,
  middleOf,
  type ScaleAndZeroPoint,
  type WeightFormat,
} from './compute-scale.ts';
import type { LightRole, MacRole } from './operator-roles.ts';
import type { QuantizationPlan } from './plan-quantization.ts';
import {
  computeWeightScales,
  createIntegers,
  quantizeBias,
  quantizeOperand,
  quantizeWeight,
  raiseScalesForBias,
  type WeightLayout,
} from './quantize-weight.ts';

export interface QdqOptions {
  readonly activations: ActivationFormat;
  /** Granularity of the weights; activations always have one scale for the whole tensor. */
  readonly weights: WeightFormat & { readonly granularity: 'per-tensor' | 'per-channel' };
  readonly bias: 'int32' | 'float32';
  /** What to add to the biases of nodes by name, one value per output channel. */
  readonly biasCorrections?: ReadonlyMap<string, Float32Array> | undefined;
}

/** ONNX's own QuantizeLinear takes 16 bits from opset 21 on; ONNX Runtime's takes them always. */
const contribDomain = 'com.microsoft';

/**
 * Writes a plan into its graph: after each activation QuantizeLinear and DequantizeLinear, before each integer
 * operator DequantizeLinear of its constants. Names are those of onnxruntime.quantization
 * (`x_QuantizeLinear_Output`, `x_scale`), so that tools made for its files read ours. Used once.
 */
export class QdqEmitter {
  readonly notes: string[] = [];
  readonly #plan: QuantizationPlan;
  readonly #scales: ReadonlyMap<string, ScaleAndZeroPoint>;
  readonly #options: QdqOptions;
  readonly #added: TensorProto[] = [];
  readonly #names = new Set<string>();
  /** Outputs of constants' DequantizeLinear by what was quantized how, for operators that share weights. */
  readonly #constants = new Map<string, string>();

  constructor(plan: QuantizationPlan, scales: ReadonlyMap<string, ScaleAndZeroPoint>, options: QdqOptions) {
    this.#plan = plan;
    this.#scales = scales;
    this.#options = options;
  }

  /** Changes the graph in place. Throws `refused` where a weight is not finite. */
  rewrite(graph: GraphProto): void {
    for (const name of this.#existingNames(graph)) this.#names.add(name);
    const nodes: NodeProto[] = [...this.#plan.activations]
      .filter((tensor) => !this.#plan.index.producers.has(tensor))
      .flatMap((tensor) => this.#quantizeActivation(tensor));
    for (const node of graph.node) {
      nodes.push(...this.#quantizeConstants(node), ...this.#shieldFloat(node));
      const outputs = node.output.filter((output) => this.#plan.activations.has(output));
      node.input = node.input.map((input) =>
        this.#plan.activations.has(input) ? dequantizedName(input) : input,
      );
      nodes.push(node, ...outputs.flatMap((output) => this.#quantizeActivation(output)));
    }
    graph.node = nodes;
    graph.initializer.push(...this.#added);
  }

  #quantizeActivation(tensor: string): NodeProto[] {
    const { scale, zeroPoint } = this.#scales.get(tensor)!;
    const parameters = [
      this.#add(`${tensor}_scale`, 'float32', [], Float32Array.of(scale)),
      this.#addZeroPoint(tensor, zeroPoint),
    ];
    const quantized = quantizedName(tensor);
    const domain = is16Bit(this.#options.activations) ? contribDomain : '';
    return [
      create(NodeProtoSchema, {
        opType: 'QuantizeLinear',
        domain,
        name: `${tensor}_QuantizeLinear`,
        input: [tensor, ...parameters],
        output: [quantized],
      }),
      create(NodeProtoSchema, {
        opType: 'DequantizeLinear',
        domain,
        name: `${tensor}_DequantizeLinear`,
        input: [quantized, ...parameters],
        output: [dequantizedName(tensor)],
      }),
    ];
  }

  #addZeroPoint(name: string, zeroPoint: number): string {
    const { elementType } = this.#options.activations;
    return this.#add(
      `${name}_zero_point`,
      elementType,
      [],
      createIntegers(elementType, 1, () => zeroPoint),
    );
  }

  #quantizeConstants(node: NodeProto): NodeProto[] {
    const role = this.#plan.roles.get(node)!;
    if (!this.#plan.computing.has(node)) return [];
    if (role.kind === 'light') return this.#quantizeOperands(node, role);
    return role.kind === 'mac' && role.weight ? this.#quantizeWeights(node, role, role.weight) : [];
  }

  /**
   * Between integer neighbours ONNX Runtime quantizes what was kept float: float weights of Conv and Gemm become int8
   * with one scale for all (WeightBiasQuantization), unless the bias is no constant. So it gets one out
   * of a DequantizeLinear, of 32 bits, which rounds it no more than float32 does.
   */
  #shieldFloat(node: NodeProto): NodeProto[] {
    if (this.#options.bias !== 'int32' || this.#plan.computing.has(node) || !shielded.has(node.opType))
      return [];
    const [input = '', weightName = '', biasName = ''] = node.input;
    const weight = this.#plan.index.initialisers.get(weightName);
    if (!this.#plan.activations.has(input) || weight?.dataType !== 1) return [];
    const bias = biasName === '' ? undefined : this.#plan.index.initialisers.get(biasName);
    if (biasName !== '' && !bias) return [];
    const channels = channelsOf(node, weight);
    const dims = bias ? bias.dims.map(Number) : [channels];
    const values = bias ? readFloats(bias) : new Float32Array(channels);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = largest === 0 ? 1 : 2 ** (Math.ceil(Math.log2(largest)) - 30);
    if (biasName === '') node.input[2] = this.#free(`${node.name}_no_bias`);
    return this.#dequantize(node, 2, `float bias of ${node.name}`, () => ({
      quantized: this.#add(
        `${node.input[2]}_quantized`,
        'int32',
        dims,
        Int32Array.from(values, (x) => Math.round(x / scale)),
      ),
      scale: this.#add(`${node.input[2]}_quantized_scale`, 'float32', [], Float32Array.of(scale)),
      zeroPoint: this.#add(`${node.input[2]}_quantized_zero_point`, 'int32', [], Int32Array.of(0)),
    }));
  }

  #quantizeOperands(node: NodeProto, role: LightRole): NodeProto[] {
    return role.constants.flatMap((position) => {
      const name = node.input[position]!;
      const source = this.#initialiser(name);
      return this.#dequantize(node, position, `operand ${name}`, () => {
        const { activations } = this.#options;
        const { data, scale, zeroPoint } = quantizeOperand(readFloats(source), name, activations);
        const dims = source.dims.map(Number);
        return {
          quantized: this.#add(`${name}_quantized`, activations.elementType, dims, data),
          scale: this.#add(`${name}_scale`, 'float32', [], Float32Array.of(scale)),
          zeroPoint: this.#addZeroPoint(name, zeroPoint),
          domain: is16Bit(activations) ? contribDomain : '',
        };
      });
    });
  }

  #quantizeWeights(
    node: NodeProto,
    role: MacRole,
    { name, axis }: NonNullable<MacRole['weight']>,
  ): NodeProto[] {
    const source = this.#initialiser(name);
    const format = this.#options.weights;
    const weight: WeightLayout = {
      values: readFloats(source),
      dims: source.dims.map(Number),
      axis: format.granularity === 'per-channel' ? axis : undefined,
    };
    const scales = computeWeightScales(weight, name, format);
    const inputScale = this.#scales.get(node.input[0]!)!.scale;
    const bias = this.#correctedBias(node, role, source, axis);
    const isBiasInteger = bias !== undefined && this.#options.bias === 'int32';
    if (isBiasInteger) this.#raiseForBias(node, scales, inputScale, bias.values);
    const key = `weight ${name} ${weight.axis} ${scales.join(',')}`;
    const dequantizeWeight = this.#dequantize(node, 1, key, () => {
      const shape = weight.axis === undefined ? [] : [scales.length];
      const { elementType } = format;
      const zeroPoints = createIntegers(elementType, scales.length, () => middleOf(elementType));
      return {
        quantized: this.#add(
          `${name}_quantized`,
          elementType,
          weight.dims,
          quantizeWeight(weight, scales, format),
        ),
        scale: this.#add(`${name}_scale`, 'float32', shape, scales),
        zeroPoint: this.#add(`${name}_zero_point`, elementType, shape, zeroPoints),
        axis: weight.axis,
      };
    });
    if (!isBiasInteger) return dequantizeWeight;
    return [...dequantizeWeight, ...this.#quantizeBias(node, bias, inputScale, scales)];
  }

  /** The bias with its correction; where there was none, a new one. Undefined where there is nothing to add. */
  #correctedBias(
    node: NodeProto,
    role: MacRole,
    weight: TensorProto,
    axis: number | undefined,
  ): { readonly name: string; readonly values: Float32Array } | undefined {
    const before = role.bias === undefined ? undefined : this.#readBias(role.bias, weight, axis);
    const correction = this.#options.biasCorrections?.get(node.name);
    if (!correction) return before && { name: role.bias!, values: before };
    const values = correction.map((value, c) => value + (before?.[c] ?? 0));
    const name = this.#add(`${node.name}_corrected_bias`, 'float32', [values.length], values);
    node.input[2] = name;
    return { name, values };
  }

  #raiseForBias(node: NodeProto, scales: Float32Array, inputScale: number, bias: Float32Array): void {
    const raised = raiseScalesForBias(scales, inputScale, bias);
    if (raised === 0) return;
    this.notes.push(
      `${describeNode(node)}: ${raised} weight scale(s) raised so that the bias fits an int32.`,
    );
  }

  #quantizeBias(
    node: NodeProto,
    { name, values }: { readonly name: string; readonly values: Float32Array },
    inputScale: number,
    weightScales: Float32Array,
  ): NodeProto[] {
    const quantized = quantizeBias(values, inputScale, weightScales);
    if (!quantized) {
      this.notes.push(`${describeNode(node)} keeps a float bias: its scale is too small for float32.`);
      return [];
    }
    const { scales, data } = quantized;
    const isPerChannel = weightScales.length > 1;
    return this.#dequantize(node, 2, `bias ${name} ${scales.join(',')}`, () => ({
      quantized: this.#add(`${name}_quantized`, 'int32', [data.length], data),
      scale: this.#add(`${name}_quantized_scale`, 'float32', isPerChannel ? [scales.length] : [], scales),
      zeroPoint: this.#add(
        `${name}_quantized_zero_point`,
        'int32',
        isPerChannel ? [scales.length] : [],
        new Int32Array(scales.length),
      ),
      axis: isPerChannel ? 0 : undefined,
    }));
  }

  /** Puts a DequantizeLinear in front of an input, unless an earlier operator uses the same constant. */
  #dequantize(
    node: NodeProto,
    position: number,
    key: string,
    quantize: () => {
      quantized: string;
      scale: string;
      zeroPoint: string;
      axis?: number | undefined;
      domain?: string;
    },
  ): NodeProto[] {
    const known = this.#constants.get(key);
    if (known !== undefined) {
      node.input[position] = known;
      return [];
    }
    const { quantized, scale, zeroPoint, axis, domain = '' } = quantize();
    const output = this.#free(dequantizedName(node.input[position]!));
    this.#constants.set(key, output);
    const dequantize = create(NodeProtoSchema, {
      opType: 'DequantizeLinear',
      domain,
      name: this.#free(`${node.input[position]}_DequantizeLinear`),
      input: [quantized, scale, zeroPoint],
      output: [output],
      attribute: axis === undefined ? [] : [intAttribute('axis', axis)],
    });
    node.input[position] = output;
    return [dequantize];
  }

  /** One value per output channel, from a row or column of whatever rank. */
  #readBias(name: string, weight: TensorProto, channelAxis: number | undefined): Float32Array | undefined {
    const bias = readFloats(this.#initialiser(name));
    const channels = channelAxis === undefined ? bias.length : Number(weight.dims[channelAxis]);
    return bias.length === channels ? bias : undefined;
  }

  #initialiser(name: string): TensorProto {
    return this.#plan.index.initialisers.get(name)!;
  }

  #add(
    name: string,
    elementType: string,
    dims: readonly number[],
    data: Parameters<typeof createTensor>[3],
  ): string {
    const free = this.#free(name);
    this.#added.push(createTensor(free, elementType, dims, data));
    return free;
  }

  #free(name: string): string {
    let free = name;
    for (let n = 1; this.#names.has(free); n++) free = `${name}_${n}`;
    this.#names.add(free);
    return free;
  }

  *#existingNames(graph: GraphProto): Generator<string> {
    for (const tensor of graph.initializer) yield tensor.name;
    for (const input of graph.input) yield input.name;
    for (const node of graph.node) yield* [node.name, ...node.output];
    for (const tensor of this.#plan.activations) {
      yield* [dequantizedName(tensor), quantizedName(tensor), `${tensor}_QuantizeLinear`];
    }
  }
}

const shielded = new Set(['Conv', 'ConvTranspose', 'Gemm']);

function channelsOf(node: NodeProto, weight: TensorProto): number {
  if (node.opType === 'Conv') return Number(weight.dims[0]);
  if (node.opType === 'Gemm') return Number(weight.dims[readInt(node, 'transB', 0) === 1 ? 0 : 1]);
  return Number(weight.dims[1]) * readInt(node, 'group', 1);
}

/** Tensor that holds an activation's codes. */
export function quantizedName(tensor: string): string {
  return `${tensor}_QuantizeLinear_Output`;
}

function dequantizedName(tensor: string): string {
  return `${tensor}_DequantizeLinear_Output`;
}

function is16Bit({ elementType }: ActivationFormat): boolean {
  return elementType === 'uint16' || elementType === 'int16';
}
