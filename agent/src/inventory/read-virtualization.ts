import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { readText } from './read-text.ts';

/**
 * Virtual machine and container in words, `KVM, Docker container`; undefined on bare metal or where nothing
 * shows. `hypervisor` is the one that somebody already recognised; else the processor's `hypervisor` feature
 * tells that there is one.
 */
export async function readVirtualization(
  root: string,
  known: { hypervisor?: string | undefined; features: readonly string[] },
): Promise<string | undefined> {
  const machine = known.hypervisor ?? (known.features.includes('hypervisor') ? 'virtual machine' : undefined);
  const container = await readContainer(root);
  const words = [machine, container].filter((word) => word !== undefined);
  return words.length > 0 ? words.join(', ') : undefined;
}

/** Each engine leaves a mark of its own; the process environment of init names the others. */
async function readContainer(root: string): Promise<string | undefined> {
  const control = (await readText(root, 'proc/1/cgroup')) ?? '';
  if (control.includes('kubepods')) return 'Kubernetes container';
  if (await exists(root, '.dockerenv')) return 'Docker container';
  if (await exists(root, 'run/.containerenv')) return 'Podman container';
  const environment = ((await readText(root, 'proc/1/environ')) ?? '').split('\0');
  const named = environment.find((entry) => entry.startsWith('container='))?.slice('container='.length);
  return named ? `${named} container` : undefined;
}

async function exists(root: string, path: string): Promise<boolean> {
  return access(join(root, path)).then(
    () => true,
    () => false,
  );
}
