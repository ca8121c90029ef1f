/** A layer of an engine and what it took on average. */
export interface PrintedLayer {
  readonly name: string;
  readonly averageMs: number;
}

/** What `--exportProfile` writes: one object a line, names without escapes. */
export function printProfile(runs: number, layers: readonly PrintedLayer[]): string {
  const total = layers.reduce((sum, { averageMs }) => sum + averageMs, 0);
  const rows = layers.map(
    ({ name, averageMs }) =>
      `, { "name" : "${name}", "timeMs" : ${averageMs * runs}, "averageMs" : ${averageMs}, ` +
      `"medianMs" : ${averageMs * 0.98}, "percentage" : ${(100 * averageMs) / total} }`,
  );
  return `[\n  { "count" : ${runs} }\n${rows.join('\n')}\n]\n`;
}

/** What `--exportLayerInfo` writes of an engine that keeps its layers' names alone. */
export function printLayerNames(layers: readonly PrintedLayer[]): string {
  return `{"Layers": [${layers.map(({ name }) => `"${name}"`).join('\n,')}\n],\n"Bindings": ["input"\n,"output"\n]}\n`;
}

const block = '/model/backbone/layer1/0';

/** Layers as TensorRT names them: fused ones joined by " + ", pointwise ones in PWN(), copies between layouts. */
export const engineLayers: readonly PrintedLayer[] = [
  { name: '/Constant_5_output_0', averageMs: 0 },
  { name: 'Reformatting CopyNode for Input Tensor 0 to PWN(PWN(/Sub), PWN(/Div))', averageMs: 0.0200902 },
  { name: 'PWN(PWN(/Sub), PWN(/Div))', averageMs: 0.0237058 },
  {
    name: `${block}/conv1/Conv + onnx::Mul_4114 + ${block}/bn1/Mul + onnx::Add_4116 + ${block}/bn1/Add + ${block}/act1/Relu`,
    averageMs: 0.1352,
  },
  { name: `${block}/conv2/Conv`, averageMs: 0.0714 },
  { name: '{ForeignNode[/model/encoder/self_attn/MatMul.../model/Sigmoid]}', averageMs: 0.4021 },
];
