import { readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readText } from './read-text.ts';

/** Who emulates the processor, and which one. */
export interface Emulation {
  readonly by: string;
  readonly cpu: string;
}

/** The process's own view, passed in so that recorded machines can be read. */
export interface ProcessFacts {
  /** `process.arch`: arm64, x64, … */
  readonly architecture: string;
  /** Value of QFLEET_EMULATED: JSON `{"by":"qemu-user","cpu":"cortex-a53"}`, set by who starts an emulated agent. */
  readonly declared?: string | undefined;
  /** Value of QEMU_CPU, which qemu-user obeys where it got no `-cpu`. */
  readonly qemuCpu?: string | undefined;
}

/**
 * Whether this process runs on an emulated processor; undefined where nothing says so. The starter's word
 * comes first. Without it two traces of user-mode emulation are looked for. qemu-user answers
 * /proc/self/{exe,cmdline} itself, with the program that it emulates, but lets /proc/thread-self through, which
 * names qemu (seen with 7.2). And /proc/sys/kernel/arch (Linux ≥ 6.1) is the kernel's own architecture, whatever
 * uname was made to say. A whole emulated machine (qemu-system) leaves neither trace.
 */
export async function readEmulation(root: string, self: ProcessFacts): Promise<Emulation | undefined> {
  return (
    parseDeclared(self.declared) ??
    (await readQemuTrace(root, self.qemuCpu)) ??
    (await readArchitectureTrace(root, self.architecture))
  );
}

function parseDeclared(declared: string | undefined): Emulation | undefined {
  if (!declared) return undefined;
  // A malformed declaration still declares: timings must not pass for real ones because of a typing error.
  const fallback = { by: 'declared', cpu: 'unknown' };
  try {
    const value: unknown = JSON.parse(declared);
    if (typeof value !== 'object' || value === null) return fallback;
    const { by, cpu } = value as { by?: unknown; cpu?: unknown };
    return {
      by: typeof by === 'string' ? by : fallback.by,
      cpu: typeof cpu === 'string' ? cpu : fallback.cpu,
    };
  } catch {
    return fallback;
  }
}

async function readQemuTrace(root: string, qemuCpu: string | undefined): Promise<Emulation | undefined> {
  const executable = await readlink(join(root, 'proc/thread-self/exe')).catch(() => '');
  if (!/^qemu-/.test(basename(executable))) return undefined;
  const words = ((await readText(root, 'proc/thread-self/cmdline')) ?? '').split('\0');
  const option = words.indexOf('-cpu');
  return { by: 'qemu-user', cpu: (option > 0 ? words[option + 1] : undefined) ?? qemuCpu ?? 'default' };
}

async function readArchitectureTrace(root: string, architecture: string): Promise<Emulation | undefined> {
  const kernel = await readText(root, 'proc/sys/kernel/arch');
  const native = kernel === undefined ? undefined : nativeArchitectures[kernel];
  if (native === undefined || native.includes(architecture)) return undefined;
  return { by: `unknown emulator on ${kernel}`, cpu: 'unknown' };
}

/** Node's names of what a kernel runs without emulation; 64-bit kernels run the 32-bit programs too. */
const nativeArchitectures: Readonly<Record<string, readonly string[]>> = {
  x86_64: ['x64', 'ia32'],
  aarch64: ['arm64', 'arm'],
  armv7l: ['arm'],
};
