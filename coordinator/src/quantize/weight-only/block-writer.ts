import { create } from '@bufbuild/protobuf';
import { type NodeProto, NodeProtoSchema, type TensorProto } from '../../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../../onnx/attribute.ts';
import type { NamePool } from '../../onnx/name-pool.ts';
import { createTensor } from '../../onnx/tensor.ts';
import { checkFinite } from '../rewrite/check-finite.ts';
import type { Constant } from '../rewrite/constant-scope.ts';
import { microsoftDomain } from '../rewrite/import-microsoft-operators.ts';
import { type MatrixProduct, readMatrix } from '../rewrite/matrix-product.ts';
import { type BlockOptions, quantizeBlocks } from './quantize-blocks.ts';

export interface BlockWriterOptions extends BlockOptions {
  readonly accuracyLevel: number;
}

/**
 * Makes the nodes of one product after another; weights that two of them share are quantized once. Throws
 * `refused` for weights that are not finite.
 */
export class BlockWriter {
  readonly #names: NamePool;
  readonly #options: BlockWriterOptions;
  /** By tensor, and whether it was read transposed. */
  readonly #weights = [new Map<TensorProto, readonly string[]>(), new Map<TensorProto, readonly string[]>()];

  constructor(names: NamePool, options: BlockWriterOptions) {
    this.#names = names;
    this.#options = options;
  }

  replace(product: MatrixProduct): NodeProto[] {
    const { node, input, bias } = product;
    const [output = ''] = node.output;
    const weights = this.#quantize(product);
    if (bias === undefined) return [this.#multiply(product, [input, ...weights], output)];
    // MatMulNBits has a bias input itself, but not in older versions of ONNX Runtime.
    const sum = this.#names.take(`${output}_without_bias`);
    const add = create(NodeProtoSchema, {
      opType: 'Add',
      name: this.#names.take(`${node.name}_bias`),
      input: [sum, bias],
      output: [output],
    });
    return [this.#multiply(product, [input, ...weights], sum), add];
  }

  #multiply({ node, rows, columns }: MatrixProduct, input: string[], output: string): NodeProto {
    const { blockSize, accuracyLevel } = this.#options;
    return create(NodeProtoSchema, {
      opType: 'MatMulNBits',
      domain: microsoftDomain,
      name: this.#names.take(`${node.name}_Q4`),
      input,
      output: [output],
      attribute: [
        intAttribute('K', rows),
        intAttribute('N', columns),
        intAttribute('bits', 4),
        intAttribute('block_size', blockSize),
        intAttribute('accuracy_level', accuracyLevel),
      ],
    });
  }

  /** Names of packed weights, scales and, where asymmetric, zero points, beside the weights they stand for. */
  #quantize(product: MatrixProduct): readonly string[] {
    const { weight, columns } = product;
    const known = this.#weights[Number(product.isTransposed)]!;
    const found = known.get(weight.tensor);
    if (found) return found;
    const matrix = readMatrix(product);
    checkFinite(matrix, weight.name);
    const { packed, scales, zeroPoints, blocks } = quantizeBlocks(matrix, product, this.#options);
    const names = [
      this.#add(weight, 'Q4', [columns, blocks, this.#options.blockSize / 2], packed),
      this.#add(weight, 'Q4_scales', [columns, blocks], scales),
      ...(zeroPoints
        ? [this.#add(weight, 'Q4_zero_points', [columns, Math.ceil(blocks / 2)], zeroPoints)]
        : []),
    ];
    known.set(weight.tensor, names);
    return names;
  }

  #add(weight: Constant, suffix: string, dims: readonly number[], data: Uint8Array | Float32Array): string {
    const name = this.#names.take(`${weight.name}_${suffix}`);
    const elementType = data instanceof Float32Array ? 'float32' : 'uint8';
    weight.owner.initializer.push(createTensor(name, elementType, dims, data));
    return name;
  }
}
