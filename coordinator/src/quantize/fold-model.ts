import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import { copyModel } from '../onnx/copy-model.ts';
import { irVersionFor, opsetOf } from '../onnx/opset.ts';
import { maxModelBytes, parseModel } from '../onnx/parse-model.ts';
import { walkNodes } from '../onnx/walk-graph.ts';
import { writeModel } from '../onnx/write-model.ts';
import { OrtChild, type OrtChildOptions } from '../ort/ort-child.ts';

/**
 * The model after ONNX Runtime's `basic` optimisation, which holds on every machine: BatchNorm and constant
 * arithmetic folded into weights, unused nodes gone. Then made portable: only operator sets that are used,
 * the lowest IR version that fits the opset, every node named, so that a variant's nodes can be matched with
 * the baseline's. Overridable initialisers become constants. Works in `folder`; errors as `checkModel`.
 */
export async function foldModel(
  model: ModelProto,
  folder: string,
  options: OrtChildOptions = {},
): Promise<ModelProto> {
  const sourcePath = join(folder, 'before-folding.onnx');
  const foldedPath = join(folder, 'folded.onnx');
  await writeFile(sourcePath, writeModel(freezeInitialisers(model)));
  await using child = OrtChild.take(options);
  await child.open({ path: sourcePath, optimisation: 'basic', optimisedPath: foldedPath });
  const folded = parseModel(await readOptimised(foldedPath));
  dropUnusedOpsets(folded);
  // It refers to weights by names that quantizing takes away.
  folded.trainingInfo = [];
  nameNodes(folded);
  folded.irVersion = BigInt(irVersionFor(opsetOf(folded)));
  return folded;
}

/** Until IR 4 every initialiser was also an input; as an input it could be overridden, and so not be folded. */
function freezeInitialisers(model: ModelProto): ModelProto {
  const copy = copyModel(model);
  const graph = copy.graph!;
  const constants = new Set(graph.initializer.map((tensor) => tensor.name));
  graph.input = graph.input.filter((input) => !constants.has(input.name));
  if (copy.irVersion < 4n) copy.irVersion = 4n;
  return copy;
}

async function readOptimised(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new QfleetError('refused', 'ONNX Runtime wrote no folded model.', {
      hint: `The model may exceed ${maxModelBytes} bytes once its constants are folded.`,
      cause,
    });
  });
  return bytes;
}

/** ONNX Runtime lists every operator set that it knows; older runtimes refuse the newer ones among them. */
function dropUnusedOpsets(model: ModelProto): void {
  const used = new Set(['']);
  for (const { node } of walkNodes(model.graph!)) used.add(node.domain === 'ai.onnx' ? '' : node.domain);
  for (const { node } of model.functions.flatMap((f) => f.node.map((node) => ({ node }))))
    used.add(node.domain);
  model.opsetImport = model.opsetImport.filter((opset) =>
    used.has(opset.domain === 'ai.onnx' ? '' : opset.domain),
  );
}

function nameNodes(model: ModelProto): void {
  const nodes = [...walkNodes(model.graph!)].map(({ node }) => node);
  const taken = new Set(nodes.map((node) => node.name));
  for (const [position, node] of nodes.entries()) {
    if (node.name !== '') continue;
    let name = `${node.opType}_${position}`;
    while (taken.has(name)) name += '_';
    node.name = name;
    taken.add(name);
  }
}
