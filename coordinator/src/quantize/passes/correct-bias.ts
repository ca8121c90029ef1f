import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { elementCount, inferShapes, type TensorType } from '../../onnx/shapes.ts';
import { OrtChild } from '../../ort/ort-child.ts';
import type { SourceModel, Workbench } from '../workbench.ts';
import { type Stage, splitAtLayers } from './split-at-layers.ts';

export interface BiasCorrectionRequest {
  /** What was quantized: folded, perhaps equalized. */
  readonly source: SourceModel;
  /** The same as QDQ, not corrected. */
  readonly quantized: ModelProto;
  /** Names of the operators that are integer. */
  readonly nodes: ReadonlySet<string>;
}

export interface BiasCorrections {
  /** What to add to the bias of each output channel, by the node's name. */
  readonly corrections: ReadonlyMap<string, Float32Array>;
  /** The first so many calibration inputs were used. */
  readonly inputs: number;
}

/** Inputs to correct on: each gives hundreds of values per channel in most layers. */
const maxInputs = 16;
/** Bound on the tensors that are kept of both models at once, bytes. */
const maxKeptBytes = 256 * 2 ** 20;

/**
 * Empirical bias correction (Nagel et al., Data-Free Quantization, 2019, §4.2 and appendix D): what to add to the
 * biases of Conv and Gemm nodes so that each channel's output has the float model's mean again, layer after layer,
 * every layer on inputs that the layers before have been corrected for. Both models advance stage by stage, the
 * quantized one as fake quantization. Differently from the paper the mean leaves the outer tenths out: where a range
 * clips outliers the plain mean is mostly theirs, and correcting by it made MobileNetV2 worse. MatMul has no bias.
 */
export async function measureBiasCorrections(
  { source, quantized, nodes }: BiasCorrectionRequest,
  bench: Workbench,
): Promise<BiasCorrections> {
  const inputs = Math.min(chooseCount(source.types), bench.samples.count);
  const layers = source.model
    .graph!.node.filter(({ name, opType }) => nodes.has(name) && (opType === 'Conv' || opType === 'Gemm'))
    .map(({ name }) => name);
  const corrections = new Map<string, Float32Array>();
  if (layers.length === 0) return { corrections, inputs };
  const names = new Set(layers);
  const reference = splitAtLayers(source.model, names, source.types);
  const candidate = splitAtLayers(quantized, names, await inferShapes(quantized, bench.limits));
  await using child = OrtChild.take(bench.limits);
  for await (const feeds of bench.samples.feeds(inputs)) {
    await child.stageInputs({ stores: ['reference', 'candidate'], feeds });
  }
  for (const [i, layer] of layers.entries()) {
    bench.onStep(`correcting biases ${i + 1} of ${layers.length}`);
    const [ours, theirs] = [candidate[i]!, reference[i]!];
    await advance(child, 'reference', theirs, bench);
    await advance(child, 'candidate', ours, bench);
    const shift = await child.shift({
      reference: { store: 'reference', tensor: theirs.layerOutput },
      candidate: { store: 'candidate', tensor: ours.layerOutput },
    });
    corrections.set(layer, shift);
  }
  return { corrections, inputs };
}

async function advance(child: OrtChild, store: string, stage: Stage, bench: Workbench): Promise<void> {
  const { path } = await bench.write(`stage-${store}`, stage.model);
  await child.open({ slot: store, path, optimisation: 'all' });
  const { inputs, outputs, spent } = stage;
  await child.advance({ slot: store, store, inputs, outputs, spent });
}

/** Few enough that the largest tensors of both models, several of which live at once, stay within the bound. */
function chooseCount(types: ReadonlyMap<string, TensorType>): number {
  const sizes = [...types.values()].map(({ shape }) => 4 * (elementCount(shape) ?? 0));
  const largest = sizes.reduce((a, b) => Math.max(a, b), 1);
  return Math.max(1, Math.min(maxInputs, Math.floor(maxKeptBytes / (4 * largest))));
}
