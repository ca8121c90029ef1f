// Runs one ONNX model once and prints its outputs as JSON: `node run-model.cjs ONNXRUNTIME MODEL FEEDS`, the path
// of onnxruntime-node, that of the model, and that of a JSON file of inputs by name,
// `{"x": {"type": "uint8", "dims": [1, 4], "data": [255, …]}}`. Plain JavaScript without signal handlers and without
// children, because it also runs in an emulated process, where caught signals crash Node and a child would be
// native. One thread: under emulation more of them cost time.
'use strict';
process.env.ORT_DISABLE_TELEMETRY = '1';
const { readFileSync } = require('node:fs');

const arrays = { uint8: Uint8Array, int8: Int8Array, float32: Float32Array };

async function main([runtimePath, modelPath, feedsPath]) {
  const { InferenceSession, Tensor } = require(runtimePath);
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 };
  const session = await InferenceSession.create(modelPath, options);
  const feeds = {};
  for (const [name, { type, dims, data }] of Object.entries(JSON.parse(readFileSync(feedsPath, 'utf8')))) {
    feeds[name] = new Tensor(type, arrays[type].from(data), dims);
  }
  const outputs = await session.run(feeds);
  const plain = Object.entries(outputs).map(([name, { type, dims, data }]) => [
    name,
    { type, dims, data: Array.from(data) },
  ]);
  process.stdout.write(JSON.stringify(Object.fromEntries(plain)));
}

main(process.argv.slice(2)).catch((failure) => {
  process.stderr.write(`${failure.message}\n`);
  process.exitCode = 1;
});
