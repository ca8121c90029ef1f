import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Check } from './check.ts';

const script = fileURLToPath(new URL('load-onnxruntime-main.ts', import.meta.url));

/** Whether ONNX Runtime loads, tried in a process of its own. */
export const checkOnnxruntime: Check = async ({ context }) => {
  const env = { ...context.env, ORT_DISABLE_TELEMETRY: '1' };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script], { env, timeout: 60_000 });
    return { what: 'ONNX Runtime', state: 'ok', detail: `${stdout.trim()} loads` };
  } catch (thrown) {
    const { signal, stderr } = thrown as { signal?: string; stderr?: string };
    const line = stderr?.split('\n').find((text) => text.includes('Error'));
    const detail = signal ? `loading it ended with ${signal}` : (line ?? 'does not load');
    const fix = 'Repeat `npm ci` in the project; on Linux it needs glibc 2.28 or newer.';
    return { what: 'ONNX Runtime', state: 'failed', detail, fix };
  }
};
