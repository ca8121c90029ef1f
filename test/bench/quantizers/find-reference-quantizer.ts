import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A Python that has `onnxruntime.quantization`, or why there is none. */
export type ReferenceQuantizer =
  | { readonly available: true; readonly python: string; readonly version: string }
  | { readonly available: false; readonly reason: string };

/** Importing takes long on a slow disk. */
const importTimeMs = 60_000;
const probe = 'import onnx, onnxruntime, onnxruntime.quantization; print(onnxruntime.__version__)';

/** QFLEET_PYTHON, or `python3` of PATH. */
export async function findReferenceQuantizer(): Promise<ReferenceQuantizer> {
  const python = process.env['QFLEET_PYTHON'] ?? 'python3';
  try {
    const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
    const { stdout } = await execute(python, ['-c', probe], { timeout: importTimeMs, env });
    return { available: true, python, version: stdout.trim() };
  } catch (failure) {
    const why = lastLine(failure);
    return {
      available: false,
      reason: `${python} has no onnxruntime.quantization (${why}); set QFLEET_PYTHON to a Python that has onnxruntime and onnx`,
    };
  }
}

function lastLine(failure: unknown): string {
  const { stderr = '', message = String(failure) } = failure as { stderr?: string; message?: string };
  return (stderr.trim().split('\n').at(-1) || message).slice(0, 200);
}
