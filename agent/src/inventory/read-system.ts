import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Systeminformation } from 'systeminformation';

/** Machine and hypervisor by their makers' names. */
export interface SystemFacts {
  readonly model?: string;
  readonly hypervisor?: string;
}

/**
 * Asks systeminformation what machine and what hypervisor this is: it knows the marks of KVM, VMware,
 * VirtualBox, Xen, Hyper-V and the clouds in DMI, disk names and kernel log. It starts shells for that (16 ms on
 * a server, tenths of a second on a Pi 3), so it is asked once, at start, and never near a measurement; and in a
 * child process, since the running agent has no use for its 2 to 4 MB. An answer that takes longer than
 * `timeoutMs`, or none, counts as nothing known.
 */
export async function readSystem(timeoutMs: number): Promise<SystemFacts> {
  const answer = await askSystem(timeoutMs).catch(() => undefined);
  if (!answer) return {};
  const model = [answer.manufacturer, answer.model].filter((word) => word && !isFiller(word)).join(' ');
  const hypervisor = answer.virtual ? answer.virtualHost || 'virtual machine' : undefined;
  return { ...(model !== '' && { model }), ...(hypervisor !== undefined && { hypervisor }) };
}

const askerPath = fileURLToPath(new URL('./ask-system.ts', import.meta.url));

async function askSystem(timeoutMs: number): Promise<Systeminformation.SystemData> {
  const { stdout } = await promisify(execFile)(process.execPath, [askerPath], { timeout: timeoutMs });
  return JSON.parse(stdout) as Systeminformation.SystemData;
}

/** What systeminformation says where it found nothing, or found only the container. */
function isFiller(word: string): boolean {
  return /^(computer|docker container|-)$/i.test(word);
}
