/** What explicit quantization in TensorRT runs on integers; the list that NVIDIA ModelOpt's ONNX quantizer uses. */
export const tensorrtOperators: ReadonlySet<string> = new Set([
  'Add',
  'AveragePool',
  'Conv',
  'ConvTranspose',
  'Gemm',
  'GlobalAveragePool',
  'MatMul',
  'MaxPool',
  'Mul',
]);
