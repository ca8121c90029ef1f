import type { GraphProto } from '../../gen/onnx/onnx_pb.js';
import { walkGraphs } from './walk-graph.ts';

/**
 * Names of nodes and tensors that a model does not use yet. Subgraphs count too: what they name may not be
 * named the same outside, since they see the outer graph's tensors.
 */
export class NamePool {
  readonly #taken = new Set<string>();

  constructor(main: GraphProto) {
    for (const graph of walkGraphs(main)) {
      for (const { name } of [
        ...graph.initializer,
        ...graph.input,
        ...graph.output,
        ...graph.valueInfo,
        ...graph.node,
      ])
        this.#taken.add(name);
      for (const node of graph.node)
        for (const name of [...node.input, ...node.output]) this.#taken.add(name);
    }
  }

  /** The wanted name, or with the first number behind it that makes it new; taken from now on. */
  take(wanted: string): string {
    let name = wanted;
    for (let n = 1; this.#taken.has(name); n++) name = `${wanted}_${n}`;
    this.#taken.add(name);
    return name;
  }
}
