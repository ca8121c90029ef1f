// Started as a process of its own by check-onnxruntime.ts, with telemetry off: a broken library may take it down.
const { env } = await import('onnxruntime-node');
process.stdout.write(env.versions.node ?? env.versions.common);

export {};
