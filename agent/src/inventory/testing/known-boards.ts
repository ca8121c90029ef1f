/** A core as /proc/cpuinfo identifies it. */
interface Core {
  readonly implementer: string;
  readonly part: string;
}

/** What the kernel of a board prints into /proc/cpuinfo, as far as we read it. */
export interface KnownBoard {
  /** One for each processor. */
  readonly cores: readonly Core[];
  readonly features: string;
  /** `Hardware`, `Revision` and `Model`, which stand once, after the processors. */
  readonly tail?: Readonly<Record<string, string>>;
  /** Kernels before 3.8 print one `Processor` line, and features and core once for all processors. */
  readonly isOldKernel?: boolean;
}

const armv8 = 'fp asimd evtstrm crc32 cpuid';
const armv8Crypto = 'fp asimd evtstrm aes pmull sha1 sha2 crc32';
const armv82 = `${armv8Crypto} atomics fphp asimdhp`;
const armv7 = 'half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt';
const armv6 = 'half thumb fastmult vfp edsp java tls';

const arm = (part: string): Core => ({ implementer: '0x41', part });
const nvidia = (part: string): Core => ({ implementer: '0x4e', part });
const four = (core: Core): Core[] => Array(4).fill(core);

/**
 * Boards by name, with the parts, features and codes that their kernels print (Linux 3.1 to 6.1). Written down as
 * facts; `printCpuinfo` makes the text.
 */
export const knownBoards = {
  'Pi 1 B, Linux 3.1': {
    cores: [arm('0xb76')],
    features: `swp ${armv6}`,
    tail: { Hardware: 'BCM2708', Revision: '0002' },
    isOldKernel: true,
  },
  'Pi 1 B, Linux 5.10': {
    cores: [arm('0xb76')],
    features: armv6,
    tail: { Hardware: 'BCM2835', Revision: '000e', Model: 'Raspberry Pi Model B Rev 2' },
  },
  'Pi 2 B, Linux 3.18': {
    cores: four(arm('0xc07')),
    features: `${armv7} vfpd32 lpae evtstrm`,
    tail: { Hardware: 'BCM2709', Revision: 'a01041' },
  },
  'Pi 3 B, 32-bit': {
    cores: four(arm('0xd03')),
    features: `${armv7} vfpd32 lpae evtstrm crc32`,
    tail: { Hardware: 'BCM2709', Revision: 'a22082' },
  },
  'Pi 3 B+, 64-bit': {
    cores: four(arm('0xd03')),
    features: armv8,
    tail: { Hardware: 'BCM2835', Revision: 'a020d3', Model: 'Raspberry Pi 3 Model B Plus Rev 1.3' },
  },
  'Pi 4 B': {
    cores: four(arm('0xd08')),
    features: armv8,
    tail: { Hardware: 'BCM2835', Revision: 'd03114', Model: 'Raspberry Pi 4 Model B Rev 1.4' },
  },
  'Pi 4 B, Fedora': { cores: four(arm('0xd08')), features: armv8 },
  'Pi 5 B': {
    cores: four(arm('0xd0b')),
    features: `${armv82} cpuid asimdrdm lrcpc dcpop asimddp`,
    tail: { Hardware: 'BCM2835', Revision: 'd04170', Model: 'Raspberry Pi 5 Model B Rev 1.0' },
  },
  'Jetson TK1': {
    cores: four(arm('0xc0f')),
    features: `swp ${armv7}`,
    tail: { Hardware: 'jetson-tk1', Revision: '0000' },
  },
  'Tegra K1, 64-bit': {
    cores: Array(2).fill(nvidia('0x000')),
    features: 'fp asimd aes pmull sha1 sha2 crc32',
  },
  'Jetson TX1': {
    cores: four(arm('0xd07')),
    features: armv8Crypto,
    tail: { Hardware: 'jetson_tx1', Revision: '0000' },
  },
  'Jetson Nano': { cores: four(arm('0xd07')), features: armv8Crypto },
  'Jetson TX2, all cores': {
    cores: [arm('0xd07'), nvidia('0x003'), nvidia('0x003'), arm('0xd07'), arm('0xd07'), arm('0xd07')],
    features: armv8Crypto,
  },
  'Jetson Xavier NX': { cores: Array(6).fill(nvidia('0x004')), features: armv82 },
  'Jetson Orin NX': {
    cores: Array(6).fill(arm('0xd42')),
    features: `${armv82} cpuid asimdrdm lrcpc dcpop asimddp uscat ilrcpc flagm`,
  },
  'BCM4908 router': { cores: four({ implementer: '0x42', part: '0x100' }), features: armv8Crypto },
  'BCM4708 router, Linux 2.6': {
    cores: Array(2).fill(arm('0xc09')),
    features: 'swp half thumb fastmult edsp',
    tail: { Hardware: 'Northstar Prototype', Revision: '0000' },
    isOldKernel: true,
  },
} as const satisfies Readonly<Record<string, KnownBoard>>;

export type KnownBoardName = keyof typeof knownBoards;

/** The text of /proc/cpuinfo. */
export function printCpuinfo(board: KnownBoard): string {
  const { cores, features, tail = {}, isOldKernel = false } = board;
  const describe = ({ implementer, part }: Core): string[] => [
    `Features\t: ${features} `,
    `CPU implementer\t: ${implementer}`,
    'CPU architecture: 8',
    'CPU variant\t: 0x0',
    `CPU part\t: ${part}`,
    'CPU revision\t: 4',
  ];
  const numbers = cores.map((_, i) => [`processor\t: ${i}`, 'BogoMIPS\t: 38.40']);
  const end = [...Object.entries(tail)].map(([key, value]) => `${key}\t: ${value}`);
  if (!isOldKernel) {
    const blocks = cores.map((core, i) => [...numbers[i]!, ...describe(core)].join('\n'));
    return [...blocks, end.join('\n')].join('\n\n');
  }
  const model = 'Processor\t: ARMv7 Processor rev 0 (v7l)';
  // With a single processor these kernels leave its number out.
  const numbered = cores.length > 1 ? numbers.map((lines) => `${lines.join('\n')}\n`) : [];
  return [model, ...numbered, ...describe(cores[0]!), '', ...end, ''].join('\n');
}

/** The text of /proc/cpuinfo of the board with that name. */
export function cpuinfoOf(name: KnownBoardName): string {
  return printCpuinfo(knownBoards[name]);
}
