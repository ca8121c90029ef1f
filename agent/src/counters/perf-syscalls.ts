/** The error number of a system call that failed, as in errno(3). */
export interface SyscallError {
  readonly errno: number;
}

/** What a counter says: its value, how long it was enabled, and how long it was really on a counter, nanoseconds. */
export interface CounterValue {
  readonly value: number;
  readonly enabledNs: number;
  readonly runningNs: number;
}

/**
 * The system calls behind counters. Real ones go to the kernel (`load-perf-syscalls.ts`); tests put errors and counts
 * of machines in their place that are not here.
 */
export interface PerfSyscalls {
  /** perf_event_open(2) of this thread and all that it will start, on any processor; gives a file descriptor. */
  open(attr: Uint8Array): { readonly fd: number } | SyscallError;
  enable(fd: number): void;
  disable(fd: number): void;
  read(fd: number): CounterValue | SyscallError;
  close(fd: number): void;
}
