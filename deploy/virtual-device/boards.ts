import type { VirtualBoard } from './board.ts';

const armv8 = (part: string, revision: number, features: string): string =>
  [
    'BogoMIPS\t: 38.40',
    `Features\t: ${features}`,
    'CPU implementer\t: 0x41',
    'CPU architecture: 8',
    'CPU variant\t: 0x0',
    `CPU part\t: ${part}`,
    `CPU revision\t: ${revision}`,
  ].join('\n');

/** The boards that can be emulated. Parts and features as the Linux kernel prints them for these cores. */
export const virtualBoards: readonly VirtualBoard[] = [
  {
    id: 'pi3',
    model: 'Raspberry Pi 3 Model B Rev 1.2',
    cpu: 'cortex-a53',
    architecture: 'arm64',
    processors: 4,
    memoryKiB: 945_512,
    cpuinfo: armv8('0xd03', 4, 'fp asimd evtstrm crc32 cpuid'),
    cpuinfoTail:
      'Hardware\t: BCM2835\nRevision\t: a02082\nSerial\t\t: 0000000000000000\nModel\t\t: Raspberry Pi 3 Model B Rev 1.2\n',
  },
];

/** The board with that id, or undefined. */
export function findVirtualBoard(id: string): VirtualBoard | undefined {
  return virtualBoards.find((board) => board.id === id);
}
