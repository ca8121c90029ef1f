// Loads one ONNX model and writes the graph that ONNX Runtime makes of it on this processor:
// `node optimise-model.cjs ONNXRUNTIME MODEL OPTIMISED`. Plain JavaScript, because it also runs emulated.
'use strict';
process.env.ORT_DISABLE_TELEMETRY = '1';

async function main([runtimePath, modelPath, optimisedPath]) {
  const { InferenceSession } = require(runtimePath);
  await InferenceSession.create(modelPath, {
    graphOptimizationLevel: 'all',
    optimizedModelFilePath: optimisedPath,
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
}

main(process.argv.slice(2)).catch((failure) => {
  process.stderr.write(`${failure.message}\n`);
  process.exitCode = 1;
});
