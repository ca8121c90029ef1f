import { watchParent } from '@qfleet/shared/child/watch-parent.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ChildMessage, ProbeOutcome, ProbeTask } from './probe-task.ts';

// A probe's child process: takes one task, sends its outcome, ends. Whatever happens to it, the agent lives.

watchParent();
process.once('message', (task: ProbeTask) => void run(task));
// Without a parent nobody wants the outcome.
process.once('disconnect', () => process.exit());

async function run(task: ProbeTask): Promise<void> {
  const onProgress = (fraction: number): void => send({ kind: 'progress', fraction });
  try {
    send({ kind: 'outcome', outcome: await measure(task, onProgress) });
  } catch (thrown) {
    send({ kind: 'failure', message: QfleetError.from(thrown).message });
  }
  process.disconnect();
}

/** Each measurement's code is loaded for it alone: the counters have to be open before anything else runs. */
async function measure(task: ProbeTask, onProgress: (fraction: number) => void): Promise<ProbeOutcome> {
  switch (task.kind) {
    case 'bandwidth':
      return (await import('./measure-bandwidth.ts')).measureBandwidth(task, onProgress);
    case 'latency':
      return (await import('./measure-latency.ts')).measureLatency(task, onProgress);
    case 'compute':
      return (await import('./measure-compute.ts')).measureCompute(task, onProgress);
    case 'counters':
      return (await import('../counters/calibrate-traffic.ts')).calibrateTraffic(task);
    case 'frequency':
      return (await import('./measure-frequency.ts')).measureFrequency(task);
    case 'storage':
      return (await import('./measure-storage.ts')).measureStorage(task, onProgress);
    case 'process':
      return (await import('./measure-process.ts')).measureProcess();
  }
}

function send(message: ChildMessage): void {
  process.send?.(message);
}
