import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type NodeProto,
} from '../../gen/onnx/onnx_pb.js';

/** An operator's attribute by name; undefined where it is left to its default. */
export function findAttribute(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

/** An INT attribute, or its default. */
export function readInt(node: NodeProto, name: string, fallback: number): number {
  const found = findAttribute(node, name);
  return found ? Number(found.i) : fallback;
}

/** A FLOAT attribute, or its default. */
export function readFloat(node: NodeProto, name: string, fallback: number): number {
  return findAttribute(node, name)?.f ?? fallback;
}

/** A STRING attribute, or its default. */
export function readString(node: NodeProto, name: string, fallback: string): string {
  const found = findAttribute(node, name);
  return found ? Buffer.from(found.s).toString('utf8') : fallback;
}

/** An attribute to add to a node. */
export function intAttribute(name: string, value: number): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
}

/** An attribute to add to a node. */
export function intsAttribute(name: string, values: readonly number[]): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: values.map(BigInt) });
}

/** An attribute to add to a node. */
export function stringAttribute(name: string, value: string): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: Buffer.from(value, 'utf8') });
}

/** Takes an attribute away; true where it was there. */
export function removeAttribute(node: NodeProto, name: string): boolean {
  const before = node.attribute.length;
  node.attribute = node.attribute.filter((attribute) => attribute.name !== name);
  return node.attribute.length < before;
}
