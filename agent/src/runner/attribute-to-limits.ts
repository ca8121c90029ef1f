import type { ChildLimits } from '@qfleet/shared/child/confine-command.ts';
import type { Failure } from '@qfleet/shared/result/job-result.ts';

export const memoryHint = 'Use a smaller model or batch, or free memory on the device.';

/**
 * A runner's failure with the limit of ours that caused it, where one did. Linux grants memory before it is there, so an
 * allocation that fails has met the limit; a GPU's memory and V8's own limit of its heap have nothing to do with it.
 */
export function attributeToLimits(failure: Failure, { memoryBytes, fileBytes }: ChildLimits): Failure {
  const { message } = failure;
  const isElsewhere = /cuda|gpu|device memory|trtexec|reached heap limit/i.test(message);
  if (failure.class === 'oom' && memoryBytes !== undefined && process.platform === 'linux' && !isElsewhere) {
    return {
      class: 'memory-limit',
      message: `The runner met its memory limit of ${formatBytes(memoryBytes)}: ${message}`,
      hint: `${memoryHint} The limit follows from the device’s memory; QFLEET_AGENT_RUNNER_MEMORY_BYTES sets another.`,
    };
  }
  if (fileBytes !== undefined && /EFBIG|file too large/i.test(message)) {
    return {
      class: 'file-limit',
      message: `The runner wrote a file beyond its limit of ${formatBytes(fileBytes)}.`,
      hint: 'Free some space on the device, or leave out the operator profile.',
    };
  }
  return failure;
}

function formatBytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
