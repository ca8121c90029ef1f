import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';

export interface ErrnoContext {
  /** Content of /proc/sys/kernel/perf_event_paranoid; undefined where it cannot be read. */
  readonly paranoid: number | undefined;
  /** The level from which the event is refused to a user without privileges is one more than this. */
  readonly neededParanoid: 1 | 2;
  /** Whether the same unit counts another event. */
  readonly hasPmu: boolean;
}

/** Why a counter could not be opened or read: a code, and what to do about it where something can be done. */
export function explainErrno(errno: number, context: ErrnoContext): string {
  const { errno: codes } = constants;
  switch (errno) {
    case codes.ENOENT:
      return context.hasPmu
        ? 'not-supported: the performance counters here do not know this event'
        : 'no-pmu: the kernel offers no performance counters, as in most virtual machines';
    case codes.EACCES:
      return explainAccess(context);
    case codes.EPERM:
    case codes.ENOSYS:
      return `seccomp: perf_event_open is blocked (${nameOf(errno)}), as container profiles do; start the container with a seccomp profile that allows it and --cap-add PERFMON`;
    case codes.EOPNOTSUPP:
      return 'not-supported: the performance counters here cannot count this event';
    case codes.EINVAL:
    case codes.E2BIG:
      return `kernel-too-old: the kernel does not take this event's description (${nameOf(errno)})`;
    case codes.EMFILE:
    case codes.ENFILE:
      return `too-many-files: no file descriptor is left for a counter (${nameOf(errno)}); raise the limit with ulimit -n`;
    case codes.ENODEV:
      return 'no-device: the processor or its counters are offline (ENODEV)';
    case codes.EBUSY:
      return 'busy: another program holds the performance counters for itself (EBUSY)';
    default:
      return `failed: perf_event_open ended with ${nameOf(errno)}`;
  }
}

function explainAccess({ paranoid, neededParanoid }: ErrnoContext): string {
  const level = paranoid === undefined ? 'cannot be read' : `is ${paranoid}`;
  return `permission: perf_event_paranoid ${level}, counters need ≤ ${neededParanoid}; run: sudo sysctl kernel.perf_event_paranoid=${neededParanoid}`;
}

function nameOf(errno: number): string {
  return getSystemErrorName(-errno);
}
