/** A tensor's place: name, onnx.TensorProto.DataType (1 float32, 2 uint8, 3 int8) and shape. */
export interface ModelTensor {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly number[];
}

/** A constant; its bytes are the elements in row-major order, little-endian. */
export interface ModelConstant extends ModelTensor {
  readonly data: Float32Array | Uint8Array | Int8Array;
}

/** A model of one operator. */
export interface OneOperatorModel {
  readonly operator: string;
  /** Names in the operator's order, constants among them. */
  readonly operands: readonly string[];
  /** Attributes that are lists of integers. */
  readonly attributes?: Readonly<Record<string, readonly number[]>>;
  readonly constants: readonly ModelConstant[];
  readonly input: ModelTensor;
  readonly output: ModelTensor;
}

/**
 * The bytes of an ONNX model of opset 13 and IR version 7 that holds one operator: the few protobuf fields that it
 * needs (onnx.proto3), written directly, since the agent brings no protobuf library for ONNX.
 */
export function encodeModel(model: OneOperatorModel): Uint8Array {
  const graph = [
    message(1, encodeNode(model)),
    text(2, 'graph'),
    ...model.constants.map(({ name, type, dims, data }) => {
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      return message(5, [
        ...dims.map((dim) => number(1, dim)),
        number(2, type),
        text(8, name),
        raw(9, bytes),
      ]);
    }),
    message(11, encodeValueInfo(model.input)),
    message(12, encodeValueInfo(model.output)),
  ];
  return Buffer.concat([number(1, 7), message(7, graph), message(8, [text(1, ''), number(2, 13)])]);
}

function encodeNode({ operator, operands, output, attributes = {} }: OneOperatorModel): Buffer[] {
  // 7 is AttributeProto.Type INTS.
  const encoded = Object.entries(attributes).map(([name, values]) =>
    message(5, [text(1, name), ...values.map((value) => number(8, value)), number(20, 7)]),
  );
  return [...operands.map((name) => text(1, name)), text(2, output.name), text(4, operator), ...encoded];
}

function encodeValueInfo({ name, type, dims }: ModelTensor): Buffer[] {
  const shape = dims.map((dim) => message(1, [number(1, dim)]));
  return [text(1, name), message(2, [message(1, [number(1, type), message(2, shape)])])];
}

function message(field: number, parts: readonly Buffer[]): Buffer {
  return raw(field, Buffer.concat(parts));
}

function text(field: number, value: string): Buffer {
  return raw(field, Buffer.from(value, 'utf8'));
}

function raw(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
