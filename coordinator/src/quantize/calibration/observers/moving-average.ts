import type { Observer } from './observer.ts';

/** `CalibMovingAverage` of onnxruntime.quantization: depends on the order of the inputs. */
export const movingAverage: Observer = {
  method: 'moving-average',
  description: 'exponential moving average of each input’s smallest and largest value',
  needsHistogram: false,
  chooseRange: ({ average }) => average,
};
