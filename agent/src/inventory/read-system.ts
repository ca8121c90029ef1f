import { system } from 'systeminformation';

/** Machine and hypervisor by their makers' names. */
export interface SystemFacts {
  readonly model?: string;
  readonly hypervisor?: string;
}

/**
 * Asks systeminformation what machine and what hypervisor this is: it knows the marks of KVM, VMware,
 * VirtualBox, Xen, Hyper-V and the clouds in DMI, disk names and kernel log. It starts shells for that (16 ms on
 * a server, tenths of a second on a Pi 3), so it is asked once, at start, and never near a measurement. An
 * answer that takes longer than `timeoutMs` counts as none.
 */
export async function readSystem(timeoutMs: number): Promise<SystemFacts> {
  const answer = await Promise.race([system().catch(() => undefined), timeout(timeoutMs)]);
  if (!answer) return {};
  const model = [answer.manufacturer, answer.model].filter((word) => word && !isFiller(word)).join(' ');
  const hypervisor = answer.virtual ? answer.virtualHost || 'virtual machine' : undefined;
  return { ...(model !== '' && { model }), ...(hypervisor !== undefined && { hypervisor }) };
}

/** What systeminformation says where it found nothing, or found only the container. */
function isFiller(word: string): boolean {
  return /^(computer|docker container|-)$/i.test(word);
}

function timeout(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined).unref());
}
