import { create } from '@bufbuild/protobuf';
import {
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from '../../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../../onnx/attribute.ts';
import type { NamePool } from '../../onnx/name-pool.ts';
import { createTensor, readFloats } from '../../onnx/tensor.ts';
import type { Constant } from '../rewrite/constant-scope.ts';
import { microsoftDomain } from '../rewrite/import-microsoft-operators.ts';
import { type MatrixProduct, readMatrix } from '../rewrite/matrix-product.ts';
import { transpose } from '../rewrite/transpose.ts';
import type { Lstm } from './match-lstm.ts';
import { type MatrixOptions, quantizeMatrix } from './quantize-matrix.ts';

interface StoredWeight {
  readonly quantized: string;
  readonly scale: string;
  /** Empty where the operator counts a missing one as 0. */
  readonly zeroPoint: string;
}

/** Names of what DynamicQuantizeLinear makes of one activation. */
interface StoredActivation {
  readonly quantized: string;
  readonly scale: string;
  readonly zeroPoint: string;
}

/** Attributes that LSTM and DynamicQuantizeLSTM have in common; others would not load. */
const lstmAttributes = new Set([
  'activation_alpha',
  'activation_beta',
  'activations',
  'clip',
  'direction',
  'hidden_size',
  'input_forget',
]);

/** TensorProto.FLOAT */
const float32 = 1;

/**
 * Makes the nodes of one operator after another, in file order. Weights and activations that several operators
 * read are quantized once. Names are those of onnxruntime.quantization. Throws `refused` for weights that are
 * not finite.
 */
export class DynamicWriter {
  readonly #names: NamePool;
  readonly #options: MatrixOptions;
  readonly #weights = new Map<TensorProto, Map<string, StoredWeight>>();
  readonly #activations = new Map<GraphProto, Map<string, StoredActivation>>();

  constructor(names: NamePool, options: MatrixOptions) {
    this.#names = names;
    this.#options = options;
  }

  /**
   * DynamicQuantizeLinear, MatMulInteger, Cast, Mul by both scales, Add of the bias: the form that ONNX Runtime
   * fuses into DynamicQuantizeMatMul, or MatMulIntegerToFloat where several operators read the activation.
   */
  replaceProduct(product: MatrixProduct, graph: GraphProto): NodeProto[] {
    const { node, bias } = product;
    const [output = ''] = node.output;
    const { quantize, activation } = this.#quantizeActivation(product.input, graph);
    const weight = this.#storeMatrix(product);
    const product32 = this.#names.take(`${output}_output_quantized`);
    const productFloat = this.#names.take(`${product32}_cast_output`);
    const scale = this.#names.take(`${node.name}_scale`);
    const scaled = bias === undefined ? output : this.#names.take(`${output}_without_bias`);
    const integerInputs = [activation.quantized, weight.quantized, activation.zeroPoint];
    return [
      ...quantize,
      this.#node(`${node.name}_quant`, 'MatMulInteger', integerInputs, [product32]),
      this.#cast(product32, productFloat),
      // The order of the two scales is part of the form: the activation's comes first.
      this.#node(`${node.name}_quant_scales_mul`, 'Mul', [activation.scale, weight.scale], [scale]),
      this.#node(`${node.name}_quant_output_scale_mul`, 'Mul', [productFloat, scale], [scaled]),
      ...(bias === undefined ? [] : [this.#node(`${node.name}_bias`, 'Add', [scaled, bias], [output])]),
    ];
  }

  /** DynamicQuantizeLSTM; bias, peepholes and states stay float. */
  replaceLstm({ node, inputWeight, recurrentWeight }: Lstm): NodeProto[] {
    const [w, r] = [this.#storeLstmWeight(inputWeight), this.#storeLstmWeight(recurrentWeight)];
    const floatInputs = [3, 4, 5, 6, 7].map((position) => node.input[position] ?? '');
    const input = [node.input[0]!, w.quantized, r.quantized, ...floatInputs];
    const replacement = this.#node(
      `${node.name}_quant`,
      'DynamicQuantizeLSTM',
      [...input, w.scale, w.zeroPoint, r.scale, r.zeroPoint],
      [...node.output],
    );
    replacement.domain = microsoftDomain;
    replacement.attribute = node.attribute.filter(({ name }) => lstmAttributes.has(name));
    return [replacement];
  }

  #quantizeActivation(
    tensor: string,
    graph: GraphProto,
  ): { quantize: NodeProto[]; activation: StoredActivation } {
    const known = this.#activations.get(graph) ?? new Map<string, StoredActivation>();
    this.#activations.set(graph, known);
    const found = known.get(tensor);
    if (found) return { quantize: [], activation: found };
    const activation = {
      quantized: this.#names.take(`${tensor}_quantized`),
      scale: this.#names.take(`${tensor}_scale`),
      zeroPoint: this.#names.take(`${tensor}_zero_point`),
    };
    known.set(tensor, activation);
    const outputs = [activation.quantized, activation.scale, activation.zeroPoint];
    const quantize = this.#node(`${tensor}_QuantizeLinear`, 'DynamicQuantizeLinear', [tensor], outputs);
    return { quantize: [quantize], activation };
  }

  #storeMatrix(product: MatrixProduct): StoredWeight {
    const { weight, rows, columns, isTransposed } = product;
    return this.#once(weight, isTransposed ? 'transposed matrix' : 'matrix', () => {
      const options = { ...this.#options, name: weight.name };
      const { data, scales } = quantizeMatrix(readMatrix(product), columns, options);
      const scaleDims = this.#options.granularity === 'per-channel' ? [columns] : [];
      return {
        quantized: this.#add(weight, 'quantized', [rows, columns], data),
        scale: this.#add(weight, 'scale', scaleDims, scales),
        zeroPoint: '',
      };
    });
  }

  /** From `[directions, 4 * hidden, K]` to `[directions, K, 4 * hidden]`, with a scale per direction or per column. */
  #storeLstmWeight(weight: Constant): StoredWeight {
    return this.#once(weight, 'lstm', () => {
      const [directions = 1, columns = 1, rows = 1] = weight.tensor.dims.map(Number);
      const values = readFloats(weight.tensor);
      const parts = Array.from({ length: directions }, (_, direction) => {
        const part = values.subarray(direction * rows * columns, (direction + 1) * rows * columns);
        return quantizeMatrix(transpose(part, columns, rows), columns, {
          ...this.#options,
          name: weight.name,
        });
      });
      const scales = new Float32Array(parts.flatMap((part) => [...part.scales]));
      const data = new Int8Array(values.length);
      for (const [direction, part] of parts.entries()) data.set(part.data, direction * part.data.length);
      const scaleDims = this.#options.granularity === 'per-channel' ? [directions, columns] : [directions];
      return {
        quantized: this.#add(weight, 'quantized', [directions, rows, columns], data),
        scale: this.#add(weight, 'scale', scaleDims, scales),
        zeroPoint: this.#add(weight, 'zero_point', scaleDims, new Int8Array(scales.length)),
      };
    });
  }

  #once(weight: Constant, use: string, store: () => StoredWeight): StoredWeight {
    const known = this.#weights.get(weight.tensor) ?? new Map<string, StoredWeight>();
    this.#weights.set(weight.tensor, known);
    const stored = known.get(use) ?? store();
    known.set(use, stored);
    return stored;
  }

  #add(weight: Constant, suffix: string, dims: readonly number[], data: Int8Array | Float32Array): string {
    const name = this.#names.take(`${weight.name}_${suffix}`);
    const elementType = data instanceof Float32Array ? 'float32' : 'int8';
    weight.owner.initializer.push(createTensor(name, elementType, dims, data));
    return name;
  }

  #cast(from: string, to: string): NodeProto {
    const cast = this.#node(`${from}_cast`, 'Cast', [from], [to]);
    cast.attribute = [intAttribute('to', float32)];
    return cast;
  }

  #node(name: string, opType: string, input: string[], output: string[]): NodeProto {
    return create(NodeProtoSchema, { opType, name: this.#names.take(name), input, output });
  }
}
