/**
 * ONNX files made by hand for tests: the few protobuf fields that a small model needs (onnx.proto3), written
 * directly, so that no test needs a file that nobody can read.
 */
export interface TestTensor {
  readonly name: string;
  readonly dims: readonly (number | string)[];
  /** onnx.TensorProto.DataType; 1 is float32, 2 uint8, 7 int64. */
  readonly type?: number;
}

export interface TestNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Integer attributes. */
  readonly attributes?: Readonly<Record<string, number>>;
  /** The graph of an attribute `body`, as Loop has one. */
  readonly body?: TestModel;
}

export interface TestModel {
  readonly inputs: readonly TestTensor[];
  readonly outputs: readonly TestTensor[];
  readonly nodes: readonly TestNode[];
  readonly weights?: readonly {
    readonly name: string;
    /** float32 unless it says int64. */
    readonly type?: 'int64';
    readonly dims: readonly number[];
    readonly values: readonly number[];
  }[];
  readonly docString?: string;
}

/** The bytes of a model of opset 13, IR version 7. */
export function buildOnnx(model: TestModel): Buffer {
  return Buffer.concat([
    number(1, 7),
    ...(model.docString === undefined ? [] : [text(6, model.docString)]),
    message(7, encodeGraph(model)),
    message(8, Buffer.concat([text(1, ''), number(2, 13)])),
  ]);
}

/** y = x + x over float32 of the given shape. */
export function buildDoubling(dims: readonly (number | string)[], docString?: string): Buffer {
  return buildOnnx({
    inputs: [{ name: 'x', dims }],
    outputs: [{ name: 'y', dims }],
    nodes: [{ operator: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
    ...(docString === undefined ? {} : { docString }),
  });
}

/** logits = flatten(x) · weights: a classifier of `pixels` values into `classes`, weights row-major [pixels, classes]. */
export function buildClassifier(
  dims: readonly (number | string)[],
  weights: { readonly pixels: number; readonly classes: number; readonly values: readonly number[] },
): Buffer {
  return buildOnnx({
    inputs: [{ name: 'x', dims }],
    outputs: [{ name: 'logits', dims: ['N', weights.classes] }],
    nodes: [
      { operator: 'Flatten', inputs: ['x'], outputs: ['flat'], attributes: { axis: 1 } },
      { operator: 'MatMul', inputs: ['flat', 'w'], outputs: ['logits'] },
    ],
    weights: [{ name: 'w', dims: [weights.pixels, weights.classes], values: weights.values }],
  });
}

/** y = x + … + x, 2^40 times: an inference that does not end. */
export function buildEndlessLoop(dims: readonly (number | string)[]): Buffer {
  return buildOnnx({
    inputs: [{ name: 'x', dims }],
    outputs: [{ name: 'y', dims }],
    weights: [{ name: 'turns', dims: [], type: 'int64', values: [2 ** 40] }],
    nodes: [
      {
        operator: 'Loop',
        inputs: ['turns', '', 'x'],
        outputs: ['y'],
        body: {
          inputs: [
            { name: 'turn', dims: [], type: 7 },
            { name: 'goes_on', dims: [], type: 9 },
            { name: 'sum', dims },
          ],
          outputs: [
            { name: 'still_goes_on', dims: [], type: 9 },
            { name: 'next_sum', dims },
          ],
          nodes: [
            { operator: 'Identity', inputs: ['goes_on'], outputs: ['still_goes_on'] },
            { operator: 'Add', inputs: ['sum', 'x'], outputs: ['next_sum'] },
          ],
        },
      },
    ],
  });
}

/** x [1] repeated `count` times: a small file that takes 4 bytes of memory for each. */
export function buildInflating(count: number): Buffer {
  return buildOnnx({
    inputs: [{ name: 'x', dims: [1] }],
    outputs: [{ name: 'y', dims: ['n'] }],
    weights: [{ name: 'shape', dims: [1], type: 'int64', values: [count] }],
    nodes: [{ operator: 'Expand', inputs: ['x', 'shape'], outputs: ['y'] }],
  });
}

function encodeGraph(model: TestModel): Buffer {
  return Buffer.concat([
    ...model.nodes.map((node) => message(1, encodeNode(node))),
    text(2, 'graph'),
    ...(model.weights ?? []).map(({ name, type, dims, values }) =>
      message(
        5,
        Buffer.concat([
          packed(1, dims),
          number(2, type === 'int64' ? 7 : 1),
          text(8, name),
          message(9, type === 'int64' ? integers(values) : floats(values)),
        ]),
      ),
    ),
    ...model.inputs.map((tensor) => message(11, encodeValueInfo(tensor))),
    ...model.outputs.map((tensor) => message(12, encodeValueInfo(tensor))),
  ]);
}

function encodeNode(node: TestNode): Buffer {
  const attributes = Object.entries(node.attributes ?? {}).map(([name, value]) =>
    message(5, Buffer.concat([text(1, name), number(3, value), number(20, 2)])),
  );
  return Buffer.concat([
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(4, node.operator),
    ...attributes,
    ...(node.body
      ? [message(5, Buffer.concat([text(1, 'body'), message(6, encodeGraph(node.body)), number(20, 5)]))]
      : []),
  ]);
}

function encodeValueInfo(tensor: TestTensor): Buffer {
  const dims = tensor.dims.map((dim) => message(1, typeof dim === 'number' ? number(1, dim) : text(2, dim)));
  const tensorType = Buffer.concat([number(1, tensor.type ?? 1), message(2, Buffer.concat(dims))]);
  return Buffer.concat([text(1, tensor.name), message(2, message(1, tensorType))]);
}

function message(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

function text(field: number, value: string): Buffer {
  return message(field, Buffer.from(value, 'utf8'));
}

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function packed(field: number, values: readonly number[]): Buffer {
  return message(field, Buffer.concat(values.map(varint)));
}

function floats(values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}

function integers(values: readonly number[]): Buffer {
  return Buffer.from(BigInt64Array.from(values, BigInt).buffer);
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
