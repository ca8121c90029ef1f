import { create } from '@bufbuild/protobuf';
import { QfleetError } from '@qfleet/shared/errors.ts';
import {
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from '../../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../../onnx/attribute.ts';
import { isSeenOutside } from '../../onnx/graph-index.ts';
import type { NamePool } from '../../onnx/name-pool.ts';
import { createTensor, readFloats } from '../../onnx/tensor.ts';
import { checkFinite } from '../rewrite/check-finite.ts';
import type { Float16Plan } from './plan-float16.ts';
import { toFloat16 } from './to-float16.ts';

/** Values of TensorProto.DataType. */
const dataTypes = { float32: 1, float16: 10 } as const;

/**
 * Writes a plan into its graph, Casts where the two formats meet. A tensor keeps its name in the format in which
 * it is made; where it is a model output or a subgraph reads it, the name stays with the float32 form, since
 * both expect that. Used once.
 */
export class Float16Writer {
  /** Values of all constants that were converted, and what happened to them. */
  readonly counts = { values: 0, clipped: 0, flushed: 0, raised: 0 };
  readonly #plan: Float16Plan;
  readonly #names: NamePool;
  /** Name of each tensor's float16 and float32 form, where there is one under another name than its own. */
  readonly #float16 = new Map<string, string>();
  readonly #float32 = new Map<string, string>();

  constructor(plan: Float16Plan, names: NamePool) {
    this.#plan = plan;
    this.#names = names;
  }

  /** Changes the graph in place. Throws `refused` for weights that are not finite. */
  rewrite(graph: GraphProto): void {
    graph.initializer = graph.initializer.flatMap((tensor) => this.#convertConstant(tensor));
    graph.node = graph.node.flatMap((node) =>
      this.#plan.nodes.has(node) ? this.#rewriteFloat16(node) : this.#rewriteFloat32(node),
    );
  }

  #rewriteFloat16(node: NodeProto): NodeProto[] {
    const before: NodeProto[] = [];
    const after: NodeProto[] = [];
    node.input = node.input.map((tensor) => {
      if (!this.#plan.isFloat32(tensor) || this.#isMadeAsFloat16(tensor))
        return this.#float16.get(tensor) ?? tensor;
      return this.#cast(tensor, 'float16', before);
    });
    node.output = node.output.map((tensor) => {
      if (!this.#plan.isFloat32(tensor) || !this.#isSeenOutside(tensor)) return tensor;
      const made = this.#names.take(`${tensor}_float16`);
      this.#float16.set(tensor, made);
      after.push(this.#castNode(made, tensor, 'float32'));
      return made;
    });
    return [...before, node, ...after];
  }

  #rewriteFloat32(node: NodeProto): NodeProto[] {
    const before: NodeProto[] = [];
    node.input = node.input.map((tensor) => {
      const hasFloat32 = !this.#isMadeAsFloat16(tensor) || this.#float16.has(tensor);
      return hasFloat32 ? tensor : this.#cast(tensor, 'float32', before);
    });
    return [...before, node];
  }

  /** By one Cast, however many read it. */
  #cast(tensor: string, to: 'float16' | 'float32', nodes: NodeProto[]): string {
    const forms = to === 'float16' ? this.#float16 : this.#float32;
    const known = forms.get(tensor);
    if (known !== undefined) return known;
    const name = this.#names.take(`${tensor}_${to}`);
    forms.set(tensor, name);
    nodes.push(this.#castNode(tensor, name, to));
    return name;
  }

  #castNode(from: string, to: string, type: 'float16' | 'float32'): NodeProto {
    return create(NodeProtoSchema, {
      opType: 'Cast',
      name: this.#names.take(`${from}_cast_to_${type}`),
      input: [from],
      output: [to],
      attribute: [intAttribute('to', dataTypes[type])],
    });
  }

  /** In place, or beside the float32 tensor where that has other readers. */
  #convertConstant(tensor: TensorProto): TensorProto[] {
    const { name } = tensor;
    if (!this.#plan.constants.has(name)) return [tensor];
    const isShared = this.#isSeenOutside(name) || !this.#readers(name).every((n) => this.#plan.nodes.has(n));
    const converted = this.#toFloat16(tensor, isShared ? this.#names.take(`${name}_float16`) : name);
    if (isShared) this.#float16.set(name, converted.name);
    return isShared ? [tensor, converted] : [converted];
  }

  #toFloat16(tensor: TensorProto, name: string): TensorProto {
    const values = readFloats(tensor);
    if (this.#plan.weights.has(tensor.name)) checkFinite(values, tensor.name);
    else if (values.some(Number.isNaN)) throw notANumber(tensor.name);
    const { bits, clipped, flushed, raised } = toFloat16(values);
    this.counts.values += values.length;
    this.counts.clipped += clipped;
    this.counts.flushed += flushed;
    this.counts.raised += raised;
    return createTensor(name, 'float16', tensor.dims.map(Number), bits);
  }

  #isMadeAsFloat16(tensor: string): boolean {
    const { nodes, index, constants, isFloat32 } = this.#plan;
    if (!isFloat32(tensor)) return false;
    return constants.has(tensor) || nodes.has(index.producers.get(tensor)!);
  }

  #isSeenOutside(tensor: string): boolean {
    return isSeenOutside(this.#plan.index, tensor);
  }

  #readers(tensor: string): readonly NodeProto[] {
    return this.#plan.index.consumers.get(tensor) ?? [];
  }
}

function notANumber(name: string): QfleetError {
  return new QfleetError('refused', `Constant "${name}" holds NaN; expected numbers.`, {
    hint: 'The training diverged or the export is damaged: check the model in its framework.',
  });
}
