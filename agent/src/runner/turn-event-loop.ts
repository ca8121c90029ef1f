import { setImmediate } from 'node:timers/promises';

/**
 * Lets the runner hear that its channel closed. Inferences that never leave the microtask queue would otherwise
 * keep a runner busy after its agent died, beside the next agent's measurement.
 */
export async function turnEventLoop(): Promise<void> {
  await setImmediate();
}
