import type { DeviceRecord } from '../store/records.ts';

/**
 * Whether two agents see the same machine, so that what one measures of it holds for the other: the same boot, and as
 * much processor and memory, which a container's limits change. An emulated board is a machine of its own.
 */
export function isSameMachine(
  first: Pick<DeviceRecord, 'id' | 'bootId' | 'inventory'>,
  second: Pick<DeviceRecord, 'id' | 'bootId' | 'inventory'>,
): boolean {
  if (first.id === second.id) return true;
  const [a, b] = [first.inventory, second.inventory];
  if (!first.bootId || first.bootId !== second.bootId || !a || !b || a.emulated || b.emulated) return false;
  return (
    a.cpu.processors === b.cpu.processors &&
    a.memoryBytes === b.memoryBytes &&
    a.virtualization === b.virtualization
  );
}
