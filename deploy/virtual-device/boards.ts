import type { VirtualBoard } from './board.ts';

/** One /proc/cpuinfo block of an ARMv8 core, as the kernel of that board prints it. */
function armv8(core: {
  readonly part: string;
  readonly variant: string;
  readonly revision: number;
  readonly bogoMips: string;
  readonly features: string;
  readonly modelName?: string;
}): string {
  return [
    ...(core.modelName === undefined ? [] : [`model name\t: ${core.modelName}`]),
    `BogoMIPS\t: ${core.bogoMips}`,
    `Features\t: ${core.features}`,
    'CPU implementer\t: 0x41',
    'CPU architecture: 8',
    `CPU variant\t: ${core.variant}`,
    `CPU part\t: ${core.part}`,
    `CPU revision\t: ${core.revision}`,
  ].join('\n');
}

/** The same of an x86 core; the flags are those by which ONNX Runtime and we choose kernels. */
function x86(core: { readonly model: number; readonly name: string; readonly flags: string }): string {
  return [
    'vendor_id\t: GenuineIntel',
    'cpu family\t: 6',
    `model\t\t: ${core.model}`,
    `model name\t: ${core.name}`,
    'stepping\t: 3',
    'cpu MHz\t\t: 3400.000',
    'cpu cores\t: 4',
    `flags\t\t: ${core.flags}`,
  ].join('\n');
}

const sseFlags =
  'fpu tsc cx8 cmov mmx fxsr sse sse2 ht syscall nx lm constant_tsc pni ssse3 cx16 sse4_1 sse4_2 popcnt';

const raspberryTail = (revision: string, model: string): string =>
  `Hardware\t: BCM2835\nRevision\t: ${revision}\nSerial\t\t: 0000000000000000\nModel\t\t: ${model}\n`;

/** The boards that can be emulated. Parts and features as the Linux kernel prints them for these cores. */
export const virtualBoards: readonly VirtualBoard[] = [
  {
    id: 'pi3',
    model: 'Raspberry Pi 3 Model B Rev 1.2',
    compatible: ['raspberrypi,3-model-b', 'brcm,bcm2837'],
    cpu: 'cortex-a53',
    architecture: 'arm64',
    processors: 4,
    memoryKiB: 945_512,
    cpuinfo: armv8({
      part: '0xd03',
      variant: '0x0',
      revision: 4,
      bogoMips: '38.40',
      features: 'fp asimd evtstrm crc32 cpuid',
    }),
    cpuinfoTail: raspberryTail('a02082', 'Raspberry Pi 3 Model B Rev 1.2'),
  },
  {
    id: 'jetson-nano',
    model: 'NVIDIA Jetson Nano Developer Kit',
    compatible: [
      'nvidia,p3450-0000',
      'nvidia,p3449-0000+p3448-0000',
      'nvidia,jetson-nano',
      'nvidia,tegra210',
    ],
    cpu: 'cortex-a57',
    architecture: 'arm64',
    processors: 4,
    memoryKiB: 4_059_268,
    cpuinfo: armv8({
      part: '0xd07',
      variant: '0x1',
      revision: 1,
      bogoMips: '38.40',
      features: 'fp asimd evtstrm aes pmull sha1 sha2 crc32',
      modelName: 'ARMv8 Processor rev 1 (v8l)',
    }),
    cpuinfoTail: '',
  },
  {
    id: 'pi4',
    model: 'Raspberry Pi 4 Model B Rev 1.1',
    compatible: ['raspberrypi,4-model-b', 'brcm,bcm2711'],
    cpu: 'cortex-a72',
    architecture: 'arm64',
    processors: 4,
    memoryKiB: 3_884_360,
    cpuinfo: armv8({
      part: '0xd08',
      variant: '0x0',
      revision: 3,
      bogoMips: '108.00',
      features: 'fp asimd evtstrm crc32 cpuid',
    }),
    cpuinfoTail: raspberryTail('c03111', 'Raspberry Pi 4 Model B Rev 1.1'),
  },
  {
    id: 'pi5',
    model: 'Raspberry Pi 5 Model B Rev 1.0',
    compatible: ['raspberrypi,5-model-b', 'brcm,bcm2712'],
    cpu: 'cortex-a76',
    architecture: 'arm64',
    processors: 4,
    memoryKiB: 8_247_296,
    cpuinfo: armv8({
      part: '0xd0b',
      variant: '0x4',
      revision: 1,
      bogoMips: '108.00',
      features:
        'fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp',
    }),
    cpuinfoTail: raspberryTail('d04170', 'Raspberry Pi 5 Model B Rev 1.0'),
  },
  {
    id: 'x86-avx2',
    model: 'x86 host with AVX2 and without VNNI',
    compatible: [],
    // Debian 12's qemu has AVX2 and FMA in `max`, and no AVX-512.
    cpu: 'max',
    architecture: 'x64',
    processors: 4,
    memoryKiB: 8_000_000,
    cpuinfo: x86({
      model: 60,
      name: 'Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz',
      flags: `${sseFlags} fma movbe avx f16c bmi1 avx2 bmi2`,
    }),
    cpuinfoTail: '',
  },
  {
    id: 'x86-sse',
    model: 'x86 host with SSE 4.2 alone',
    compatible: [],
    cpu: 'Nehalem',
    architecture: 'x64',
    processors: 4,
    memoryKiB: 8_000_000,
    cpuinfo: x86({ model: 26, name: 'Intel(R) Core(TM) i7 CPU 920 @ 2.67GHz', flags: sseFlags }),
    cpuinfoTail: '',
  },
];

/** The board with that id, or undefined. */
export function findVirtualBoard(id: string): VirtualBoard | undefined {
  return virtualBoards.find((board) => board.id === id);
}
