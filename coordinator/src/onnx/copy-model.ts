import { clone } from '@bufbuild/protobuf';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
} from '../../gen/onnx/onnx_pb.js';

/**
 * A model to change: nodes, inputs, outputs and imports are copies, the initialisers are the same objects, for they
 * are most of a model's bytes. Whoever wants another initialiser puts another into the list and leaves the old one as
 * it is.
 */
export function copyModel(model: ModelProto): ModelProto {
  const { graph, ...rest } = model;
  if (!graph) return clone(ModelProtoSchema, model);
  return { ...clone(ModelProtoSchema, rest as ModelProto), graph: copyGraph(graph) };
}

function copyGraph(graph: GraphProto): GraphProto {
  const { initializer } = graph;
  const copy = clone(GraphProtoSchema, { ...graph, initializer: [] });
  copy.initializer = [...initializer];
  return copy;
}
