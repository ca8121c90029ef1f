import type { TensorMessage } from './ort-messages.ts';

/**
 * How far outputs differ from a reference: signal-to-quantization-noise ratio, SQNR = 10 * log10(Σx² / Σ(x-y)²)
 * over all values of one output and all inputs added, in dB; the definition of ONNX Runtime's
 * `qdq_loss_debug.py`. One per comparison, filled input by input.
 */
export class OutputNoise {
  readonly #sums = new Map<string, { signal: number; noise: number }>();
  /** Values that are NaN or infinite where the reference's are not. */
  nonFinite = 0;

  add(
    reference: Readonly<Record<string, TensorMessage>>,
    outputs: Readonly<Record<string, TensorMessage>>,
  ): void {
    for (const [name, expected] of Object.entries(reference)) {
      const sums = this.#sums.get(name) ?? { signal: 0, noise: 0 };
      const found = outputs[name];
      for (let i = 0; i < expected.data.length; i++) {
        const x = Number(expected.data[i]);
        const y = Number(found?.data[i]);
        if (Number.isFinite(x) && !Number.isFinite(y)) this.nonFinite++;
        if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
        sums.signal += x * x;
        sums.noise += (x - y) ** 2;
      }
      this.#sums.set(name, sums);
    }
  }

  /** The output that differs most, dB; `Infinity` where all are equal, undefined where nothing was added. */
  worst(): { readonly name: string; readonly sqnrDb: number } | undefined {
    const all = [...this.#sums].map(([name, { signal, noise }]) => ({
      name,
      sqnrDb: noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise),
    }));
    return all.sort((a, b) => a.sqnrDb - b.sqnrDb)[0];
  }
}
