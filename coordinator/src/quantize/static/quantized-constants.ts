import { create } from '@bufbuild/protobuf';
import { type NodeProto, NodeProtoSchema, type TensorProto } from '../../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../../onnx/attribute.ts';
import type { NamePool } from '../../onnx/name-pool.ts';
import { createTensor } from '../../onnx/tensor.ts';

/** Initialisers of a quantized constant by their names. */
interface QuantizedConstant {
  readonly quantized: string;
  readonly scale: string;
  readonly zeroPoint: string;
  readonly axis?: number | undefined;
  readonly domain?: string;
}

/** The constants that quantizing adds to a graph, each with its DequantizeLinear; operators that share one share it here too. */
export class QuantizedConstants {
  readonly added: TensorProto[] = [];
  readonly #names: NamePool;
  /** Outputs of DequantizeLinear by what was quantized how. */
  readonly #outputs = new Map<string, string>();

  constructor(names: NamePool) {
    this.#names = names;
  }

  /** Adds an initialiser under that name or one like it, which it returns. */
  add(
    name: string,
    elementType: string,
    dims: readonly number[],
    data: Parameters<typeof createTensor>[3],
  ): string {
    const free = this.#names.take(name);
    this.added.push(createTensor(free, elementType, dims, data));
    return free;
  }

  /** Puts a DequantizeLinear in front of an input, unless an earlier operator uses the same constant. */
  dequantize(node: NodeProto, position: number, key: string, quantize: () => QuantizedConstant): NodeProto[] {
    const known = this.#outputs.get(key);
    if (known !== undefined) {
      node.input[position] = known;
      return [];
    }
    const { quantized, scale, zeroPoint, axis, domain = '' } = quantize();
    const name = node.input[position]!;
    const output = this.#names.take(dequantizedName(name));
    this.#outputs.set(key, output);
    node.input[position] = output;
    return [
      create(NodeProtoSchema, {
        opType: 'DequantizeLinear',
        domain,
        name: this.#names.take(`${name}_DequantizeLinear`),
        input: [quantized, scale, zeroPoint],
        output: [output],
        attribute: axis === undefined ? [] : [intAttribute('axis', axis)],
      }),
    ];
  }
}

/** Wanted name of the tensor that holds what codes stand for; taken from the pool, for the model may have it. */
export function dequantizedName(tensor: string): string {
  return `${tensor}_DequantizeLinear_Output`;
}
