/**
 * The least that times a network with onnxruntime-node: load, warm up, a loop around `session.run` on the
 * monotonic clock. Nothing of the project is imported. Told by one message what to do; answers with the
 * samples and leaves.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

// The library that the agent has, which is no dependency of the project's root.
const requireFromAgent = createRequire(new URL('../../agent/package.json', import.meta.url));
const { InferenceSession, Tensor }: OnnxRuntime = requireFromAgent('onnxruntime-node');

/** As much of it as is used here. */
interface OnnxRuntime {
  readonly InferenceSession: {
    create(path: string, options: object): Promise<{ run(feeds: Record<string, object>): Promise<unknown> }>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object;
}

export interface BareOrder {
  readonly model: string;
  readonly threads: number;
  readonly inputName: string;
  readonly dims: readonly number[];
  /** Files of float32, fed in turn. */
  readonly inputPaths: readonly string[];
  readonly warmups: number;
  readonly samples: number;
}

process.once('message', async (order: BareOrder) => {
  const session = await InferenceSession.create(order.model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: order.threads,
    logSeverityLevel: 3,
  });
  const feeds = await Promise.all(
    order.inputPaths.map(async (path) => {
      const data = new Float32Array(new Uint8Array(await readFile(path)).buffer);
      return { [order.inputName]: new Tensor('float32', data, order.dims) };
    }),
  );
  for (let i = 0; i < order.warmups; i++) await session.run(feeds[i % feeds.length]!);
  const samplesNs = new Float64Array(order.samples).fill(0);
  for (let i = 0; i < order.samples; i++) {
    const feed = feeds[i % feeds.length]!;
    const before = process.hrtime.bigint();
    await session.run(feed);
    samplesNs[i] = Number(process.hrtime.bigint() - before);
  }
  process.send?.(samplesNs, undefined, undefined, () => process.exit(0));
});
