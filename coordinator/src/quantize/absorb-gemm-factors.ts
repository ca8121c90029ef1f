import type { ModelProto, NodeProto, TensorProto } from '../../gen/onnx/onnx_pb.js';
import { readFloat, readInt, removeAttribute } from '../onnx/attribute.ts';
import { NamePool } from '../onnx/name-pool.ts';
import { createTensor, readFloats } from '../onnx/tensor.ts';
import type { Constant } from './rewrite/constant-scope.ts';
import { dropUnusedConstants } from './rewrite/drop-unused-constants.ts';
import { walkScopes } from './rewrite/walk-scopes.ts';

/**
 * Gemm in the one form that has integer kernels: its alpha multiplied into constant weights, its beta into a constant
 * bias, and a bias of one value spread to a row of one per output channel. Subgraphs too. Changes the model in place.
 * Factors on what is not constant, and products that leave float32, stay.
 */
export function absorbGemmFactors(model: ModelProto): void {
  const graph = model.graph!;
  const writer = new FactorWriter(new NamePool(graph));
  for (const { node, scope } of walkScopes(graph)) {
    const isGemm = node.opType === 'Gemm' && (node.domain === '' || node.domain === 'ai.onnx');
    const weight = isGemm ? findFloats(scope.find(node.input[1] ?? '')) : undefined;
    if (weight?.tensor.dims.length !== 2) continue;
    writer.absorb(node, 1, { factor: 'alpha', constant: weight });
    const bias = findFloats(scope.find(node.input[2] ?? ''));
    if (!bias) continue;
    const channels = Number(weight.tensor.dims[readInt(node, 'transB', 0) === 0 ? 1 : 0]);
    writer.absorb(node, 2, { factor: 'beta', constant: bias, spreadTo: channels });
  }
  if (writer.hasWritten) dropUnusedConstants(graph);
}

interface Absorption {
  readonly factor: 'alpha' | 'beta';
  readonly constant: Constant;
  /** A single value becomes a row of so many. */
  readonly spreadTo?: number;
}

/** Operators that share a constant and a factor share what is made of them. */
class FactorWriter {
  hasWritten = false;
  readonly #names: NamePool;
  readonly #written = new Map<TensorProto, Map<string, string>>();

  constructor(names: NamePool) {
    this.#names = names;
  }

  absorb(node: NodeProto, position: number, { factor, constant, spreadTo = 0 }: Absorption): void {
    const by = readFloat(node, factor, 1);
    const isSpread = spreadTo > 1 && constant.tensor.dims.every((size) => size === 1n);
    if (by === 1 && !isSpread) return;
    const written = this.#written.get(constant.tensor) ?? new Map<string, string>();
    this.#written.set(constant.tensor, written);
    const key = `${by} ${isSpread ? spreadTo : 0}`;
    const name = written.get(key) ?? this.#write(constant, by, isSpread ? spreadTo : undefined);
    if (name === undefined) return;
    written.set(key, name);
    node.input[position] = name;
    removeAttribute(node, factor);
  }

  #write({ name, tensor, owner }: Constant, by: number, spreadTo: number | undefined): string | undefined {
    const scaled = readFloats(tensor).map((value) => value * by);
    if (!scaled.every(Number.isFinite)) return undefined;
    const values = spreadTo === undefined ? scaled : new Float32Array(spreadTo).fill(scaled[0]!);
    const free = this.#names.take(`${name}_scaled`);
    const dims = spreadTo === undefined ? tensor.dims.map(Number) : [spreadTo];
    owner.initializer.push(createTensor(free, 'float32', dims, values));
    this.hasWritten = true;
    return free;
  }
}

/** TensorProto.FLOAT */
const float32 = 1;

function findFloats(constant: Constant | undefined): Constant | undefined {
  return constant?.tensor.dataType === float32 ? constant : undefined;
}
