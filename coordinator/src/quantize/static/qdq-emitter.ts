import { create } from '@bufbuild/protobuf';
import {
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from '../../../gen/onnx/onnx_pb.js';
import { NamePool } from '../../onnx/name-pool.ts';
import { readFloats } from '../../onnx/tensor.ts';
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
import { dequantizedName, QuantizedConstants } from './quantized-constants.ts';
import { shieldFloat } from './shield-float.ts';

export interface QdqOptions {
  readonly activations: ActivationFormat;
  /** Granularity of the weights; activations always have one scale for the whole tensor. */
  readonly weights: WeightFormat & { readonly granularity: 'per-tensor' | 'per-channel' };
  readonly bias: 'int32' | 'float32';
  /** What to add to the biases of nodes by name, one value per output channel. */
  readonly biasCorrections?: ReadonlyMap<string, Float32Array> | undefined;
}

/** Names of what is written behind one activation. */
interface StepNames {
  readonly quantized: string;
  readonly dequantized: string;
  readonly quantizeNode: string;
  readonly dequantizeNode: string;
}

/** ONNX's own QuantizeLinear takes 16 bits from opset 21 on; ONNX Runtime's takes them always. */
const contribDomain = 'com.microsoft';

/**
 * Writes a plan into its graph: after each activation QuantizeLinear and DequantizeLinear, before each integer
 * operator DequantizeLinear of its constants. Names are those of onnxruntime.quantization
 * (`x_QuantizeLinear_Output`, `x_scale`) where the model has no such name itself, so that tools made for its files read
 * ours. Used once.
 */
export class QdqEmitter {
  readonly notes: string[] = [];
  readonly #plan: QuantizationPlan;
  readonly #scales: ReadonlyMap<string, ScaleAndZeroPoint>;
  readonly #options: QdqOptions;
  readonly #graph: GraphProto;
  readonly #constants: QuantizedConstants;
  readonly #steps: ReadonlyMap<string, StepNames>;

  constructor(
    graph: GraphProto,
    plan: QuantizationPlan,
    scales: ReadonlyMap<string, ScaleAndZeroPoint>,
    options: QdqOptions,
  ) {
    this.#graph = graph;
    this.#plan = plan;
    this.#scales = scales;
    this.#options = options;
    const names = new NamePool(graph);
    this.#steps = new Map([...plan.activations].map((tensor) => [tensor, nameSteps(tensor, names)]));
    this.#constants = new QuantizedConstants(names);
  }

  /** Changes the graph in place. Throws `refused` where a weight is not finite. */
  rewrite(): void {
    const graph = this.#graph;
    const nodes: NodeProto[] = [...this.#plan.activations]
      .filter((tensor) => !this.#plan.index.producers.has(tensor))
      .flatMap((tensor) => this.#quantizeActivation(tensor));
    for (const node of graph.node) {
      nodes.push(...this.#quantizeConstants(node), ...this.#shieldFloat(node));
      const outputs = node.output.filter((output) => this.#plan.activations.has(output));
      node.input = node.input.map((input) => this.#steps.get(input)?.dequantized ?? input);
      nodes.push(node, ...outputs.flatMap((output) => this.#quantizeActivation(output)));
    }
    graph.node = nodes;
    graph.initializer.push(...this.#constants.added);
  }

  #quantizeActivation(tensor: string): NodeProto[] {
    const { scale, zeroPoint } = this.#scales.get(tensor)!;
    const parameters = [
      this.#constants.add(`${tensor}_scale`, 'float32', [], Float32Array.of(scale)),
      this.#addZeroPoint(tensor, zeroPoint),
    ];
    const { quantized, dequantized, quantizeNode, dequantizeNode } = this.#steps.get(tensor)!;
    const domain = is16Bit(this.#options.activations) ? contribDomain : '';
    return [
      create(NodeProtoSchema, {
        opType: 'QuantizeLinear',
        domain,
        name: quantizeNode,
        input: [tensor, ...parameters],
        output: [quantized],
      }),
      create(NodeProtoSchema, {
        opType: 'DequantizeLinear',
        domain,
        name: dequantizeNode,
        input: [quantized, ...parameters],
        output: [dequantized],
      }),
    ];
  }

  #addZeroPoint(name: string, zeroPoint: number): string {
    const { elementType } = this.#options.activations;
    return this.#constants.add(
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

  #shieldFloat(node: NodeProto): NodeProto[] {
    const isFloat = this.#options.bias === 'int32' && !this.#plan.computing.has(node);
    const isFed = this.#plan.activations.has(node.input[0] ?? '');
    return isFloat && isFed ? shieldFloat(node, this.#plan.index, this.#constants) : [];
  }

  #quantizeOperands(node: NodeProto, role: LightRole): NodeProto[] {
    return role.constants.flatMap((position) => {
      const name = node.input[position]!;
      const source = this.#initialiser(name);
      return this.#constants.dequantize(node, position, `operand ${name}`, () => {
        const { activations } = this.#options;
        const { data, scale, zeroPoint } = quantizeOperand(readFloats(source), name, activations);
        const dims = source.dims.map(Number);
        return {
          quantized: this.#constants.add(`${name}_quantized`, activations.elementType, dims, data),
          scale: this.#constants.add(`${name}_scale`, 'float32', [], Float32Array.of(scale)),
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
    // A float bias too: ONNX Runtime makes it an int32 of this scale unasked, and clips it (WeightBiasQuantization).
    if (bias !== undefined) this.#raiseForBias(node, scales, inputScale, bias.values);
    const key = `weight ${name} ${weight.axis} ${scales.join(',')}`;
    const dequantizeWeight = this.#constants.dequantize(node, 1, key, () => {
      const shape = weight.axis === undefined ? [] : [scales.length];
      const { elementType } = format;
      const zeroPoints = createIntegers(elementType, scales.length, () => middleOf(elementType));
      return {
        quantized: this.#constants.add(
          `${name}_quantized`,
          elementType,
          weight.dims,
          quantizeWeight(weight, scales, format),
        ),
        scale: this.#constants.add(`${name}_scale`, 'float32', shape, scales),
        zeroPoint: this.#constants.add(`${name}_zero_point`, elementType, shape, zeroPoints),
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
    const name = this.#constants.add(`${node.name}_corrected_bias`, 'float32', [values.length], values);
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
    const { scales, data } = quantizeBias(values, inputScale, weightScales);
    const isPerChannel = weightScales.length > 1;
    return this.#constants.dequantize(node, 2, `bias ${name} ${scales.join(',')}`, () => ({
      quantized: this.#constants.add(`${name}_quantized`, 'int32', [data.length], data),
      scale: this.#constants.add(
        `${name}_quantized_scale`,
        'float32',
        isPerChannel ? [scales.length] : [],
        scales,
      ),
      zeroPoint: this.#constants.add(
        `${name}_quantized_zero_point`,
        'int32',
        isPerChannel ? [scales.length] : [],
        new Int32Array(scales.length),
      ),
      axis: isPerChannel ? 0 : undefined,
    }));
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
}

function nameSteps(tensor: string, names: NamePool): StepNames {
  return {
    quantized: names.take(`${tensor}_QuantizeLinear_Output`),
    dequantized: names.take(dequantizedName(tensor)),
    quantizeNode: names.take(`${tensor}_QuantizeLinear`),
    dequantizeNode: names.take(`${tensor}_DequantizeLinear`),
  };
}

function is16Bit({ elementType }: ActivationFormat): boolean {
  return elementType === 'uint16' || elementType === 'int16';
}
