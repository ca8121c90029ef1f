import { QfleetError } from '@qfleet/shared/errors.ts';
import { measureBandwidth } from './measure-bandwidth.ts';
import { measureLatency } from './measure-latency.ts';
import type { ChildMessage, ProbeTask } from './probe-task.ts';

// A probe's child process: takes one task, sends its outcome, ends. Whatever happens to it, the agent lives.

process.once('message', (task: ProbeTask) => void run(task));
// Without a parent nobody wants the outcome.
process.once('disconnect', () => process.exit());

async function run(task: ProbeTask): Promise<void> {
  const onProgress = (fraction: number): void => send({ kind: 'progress', fraction });
  try {
    const outcome =
      task.kind === 'bandwidth'
        ? await measureBandwidth(task, onProgress)
        : await measureLatency(task, onProgress);
    send({ kind: 'outcome', outcome });
  } catch (thrown) {
    send({ kind: 'failure', message: QfleetError.from(thrown).message });
  }
  process.disconnect();
}

function send(message: ChildMessage): void {
  process.send?.(message);
}
