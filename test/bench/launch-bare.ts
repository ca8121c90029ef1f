import { fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { backend } from '../../agent/src/backends/onnxruntime-cpu.ts';
import { makeInputPool } from '../../agent/src/runner/make-input-pool.ts';
import type { BareOrder } from './bare-loop.ts';
import { randomInputs } from './launch-qfleet.ts';

const barePath = fileURLToPath(new URL('./bare-loop.ts', import.meta.url));

export type BareInputs = Pick<BareOrder, 'inputName' | 'dims' | 'inputPaths'>;

/** Writes the inputs that a launch through qfleet is fed to files, for a bare loop. One float32 input only. */
export async function writeBareInputs(model: string, folder: string): Promise<BareInputs> {
  const variant = await backend.load(model, { threads: 1, providerOptions: {} });
  const slots = variant.inputs;
  await variant.close();
  const pool = await makeInputPool(randomInputs, slots, { dimensions: {}, batch: 1 });
  const inputName = slots[0]?.name ?? '';
  const inputPaths: string[] = [];
  for (const [index, feed] of pool.feeds.entries()) {
    const path = join(folder, `input-${index}.f32`);
    const { data } = feed[inputName]!;
    await writeFile(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    inputPaths.push(path);
  }
  return { inputName, dims: pool.feeds[0]?.[inputName]?.dims ?? [], inputPaths };
}

/** One launch of the bare loop in a fresh process; gives its samples, nanoseconds. */
export function launchBare(order: BareOrder): Promise<Float64Array> {
  return new Promise((resolve, reject) => {
    const child = fork(barePath, [], {
      serialization: 'advanced',
      env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
    });
    child.once('message', (samplesNs) => resolve(samplesNs as Float64Array));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The bare loop ended with ${code} and gave no samples.`)));
    child.send(order);
  });
}
