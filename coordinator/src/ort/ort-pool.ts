import { availableParallelism, freemem } from 'node:os';
import { mapInOrder } from '../artefacts/map-in-order.ts';
import { OrtChild, type OrtChildOptions } from './ort-child.ts';
import type { OpenRequest } from './ort-messages.ts';

type Opening = Omit<OpenRequest, 'kind' | 'threads'>;

/** A child with Node, ONNX Runtime and a small model, bytes; measured 135 MB for MobileNetV2. */
const childBytes = 150 * 2 ** 20;
/** Weights, their packed copies and activations, as a multiple of the model's file. */
const bytesPerModelByte = 4;

/**
 * Children that share work on inputs: one for each processor, fewer where memory does not allow it, each with its share
 * of the threads. Small convolutions gain more from a second input at once than from a second thread inside.
 */
export class OrtPool implements AsyncDisposable {
  readonly #children: readonly OrtChild[];
  readonly #threads: number;
  readonly #idle: OrtChild[];

  constructor(modelBytes: number, options: OrtChildOptions = {}) {
    const size = choosePoolSize(modelBytes);
    this.#threads = Math.max(1, Math.floor(availableParallelism() / size));
    this.#children = Array.from({ length: size }, () => OrtChild.take(options));
    this.#idle = [...this.#children];
  }

  get children(): readonly OrtChild[] {
    return this.#children;
  }

  /** Loads a model in every child. */
  async open(...requests: readonly Opening[]): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        for (const request of requests) await child.open({ threads: this.#threads, ...request });
      }),
    );
  }

  /** Does one piece of work per item, each in a child that is free, and yields the results in the items' order. */
  map<In, Out>(
    items: AsyncIterable<In>,
    work: (child: OrtChild, item: In) => Promise<Out>,
  ): AsyncGenerator<Out> {
    return mapInOrder(items, this.#children.length, async (item) => {
      const child = this.#idle.pop()!;
      try {
        return await work(child, item);
      } finally {
        this.#idle.push(child);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => child[Symbol.asyncDispose]()));
  }
}

/** Half of what is free is left for everybody else. */
function choosePoolSize(modelBytes: number): number {
  const affordable = Math.floor((0.5 * freemem()) / (childBytes + bytesPerModelByte * modelBytes));
  return Math.max(1, Math.min(availableParallelism(), affordable));
}
