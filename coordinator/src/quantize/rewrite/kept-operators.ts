import type { NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { describeNode } from '../../onnx/walk-graph.ts';

/** Collects which operators a converter left float, and tells people, one line per operator and reason. */
export class KeptOperators {
  readonly #first = new Map<string, { readonly node: NodeProto; readonly reason: string; count: number }>();

  add(node: NodeProto, reason: string): void {
    const key = `${node.domain} ${node.opType} ${reason}`;
    const known = this.#first.get(key);
    if (known) known.count++;
    else this.#first.set(key, { node, reason, count: 1 });
  }

  /** In the order of the first of each; "Conv "c1" and 51 more stay float: …". */
  describe(format = 'float'): string[] {
    return [...this.#first.values()].map(({ node, reason, count }) => {
      const others = count === 1 ? ' stays' : ` and ${count - 1} more stay`;
      return `${describeNode(node)}${others} ${format}: ${reason}.`;
    });
  }
}
