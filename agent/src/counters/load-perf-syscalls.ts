import { QfleetError } from '@qfleet/shared/errors.ts';
import type { CounterValue, PerfSyscalls, SyscallError } from './perf-syscalls.ts';

/** The kernel's counters, or why they are out of reach. */
export type PerfAccess =
  | { readonly syscalls: PerfSyscalls; readonly reason?: undefined }
  | { readonly syscalls?: undefined; readonly reason: string };

/**
 * Loads koffi, which calls C functions, and binds the C library's system calls; only in a process that will measure,
 * for it brings 3 MB. Without koffi's binary for this platform: `no-ffi`.
 */
export async function loadPerfSyscalls(): Promise<PerfAccess> {
  const number = syscallNumbers[process.arch];
  if (process.platform !== 'linux' || number === undefined)
    return { reason: `not-supported: no performance counters on ${process.platform} ${process.arch}` };
  try {
    const { default: koffi } = await import('koffi');
    return { syscalls: bindSyscalls(koffi, number) };
  } catch (thrown) {
    return { reason: `no-ffi: ${QfleetError.from(thrown).message.split('\n')[0]}` };
  }
}

type Koffi = typeof import('koffi')['default'];

/** Of perf_event_open. */
const syscallNumbers: Partial<Record<NodeJS.Architecture, number>> = { x64: 298, arm64: 241 };
/** PERF_FLAG_FD_CLOEXEC. */
const closeOnExec = 8;
/** PERF_EVENT_IOC_ENABLE and _DISABLE; they reach the counters of inherited threads too. */
const requests = { enable: 0x2400, disable: 0x2401 } as const;
/** Value, time enabled, time running. */
const readBytes = 24;

function bindSyscalls(koffi: Koffi, number: number): PerfSyscalls {
  // The process itself: the C library is loaded already, under another name on each distribution.
  const libc = koffi.load(null);
  const syscall = libc.func('long syscall(long number, ...)');
  const ioctl = libc.func('int ioctl(int fd, unsigned long request, ...)');
  const read = libc.func('long read(int fd, _Out_ uint8_t *buffer, unsigned long bytes)');
  const close = libc.func('int close(int fd)');
  const buffer = Buffer.alloc(readBytes);
  const lastError = (): SyscallError => ({ errno: koffi.errno() });
  return {
    open: (attr) => {
      // This thread (0) on any processor (-1), in no group (-1).
      const target = ['int', 0, 'int', -1, 'int', -1, 'unsigned long', closeOnExec];
      const fd = Number(syscall(number, 'uint8_t *', attr, ...target));
      return fd < 0 ? lastError() : { fd };
    },
    enable: (fd) => void ioctl(fd, requests.enable, 'int', 0),
    disable: (fd) => void ioctl(fd, requests.disable, 'int', 0),
    read: (fd) => (Number(read(fd, buffer, readBytes)) === readBytes ? decode(buffer) : lastError()),
    close: (fd) => void close(fd),
  };
}

/** Exact to 2^53: a month of cycles at 3 GHz. */
function decode(buffer: Buffer): CounterValue {
  const [value, enabledNs, runningNs] = [0, 8, 16].map((at) => Number(buffer.readBigUInt64LE(at)));
  return { value: value!, enabledNs: enabledNs!, runningNs: runningNs! };
}
