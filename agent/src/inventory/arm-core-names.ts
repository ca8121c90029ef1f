/** An Arm core by the two numbers of its main ID register (MIDR_EL1), as /proc/cpuinfo prints them. */
export interface ArmCoreId {
  /** `CPU implementer`: 0x41 is Arm. */
  readonly implementer: number;
  /** `CPU part`: 0xd03 is Cortex-A53. */
  readonly part: number;
}

/**
 * The name of a core, `Cortex-A53`; undefined for one that the table does not hold.
 * Numbers and names as in util-linux `sys-utils/lscpu-arm.c`.
 */
export function armCoreName(id: ArmCoreId): string | undefined {
  return coreNames[id.implementer]?.[id.part];
}

/** Who designed a core; undefined for an implementer that the table does not hold. */
export function armVendorName(implementer: number): string | undefined {
  return vendorNames[implementer];
}

const vendorNames: Readonly<Record<number, string>> = {
  65: 'ARM',
  66: 'Broadcom',
  67: 'Cavium',
  70: 'Fujitsu',
  72: 'HiSilicon',
  78: 'NVIDIA',
  80: 'APM',
  81: 'Qualcomm',
  83: 'Samsung',
  86: 'Marvell',
  97: 'Apple',
  105: 'Intel',
  192: 'Ampere',
};

const coreNames: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  65: {
    2870: 'ARM1136',
    2902: 'ARM1156',
    2934: 'ARM1176',
    3077: 'Cortex-A5',
    3079: 'Cortex-A7',
    3080: 'Cortex-A8',
    3081: 'Cortex-A9',
    3085: 'Cortex-A17',
    3086: 'Cortex-A17',
    3087: 'Cortex-A15',
    3329: 'Cortex-A32',
    3330: 'Cortex-A34',
    3331: 'Cortex-A53',
    3332: 'Cortex-A35',
    3333: 'Cortex-A55',
    3334: 'Cortex-A65',
    3335: 'Cortex-A57',
    3336: 'Cortex-A72',
    3337: 'Cortex-A73',
    3338: 'Cortex-A75',
    3339: 'Cortex-A76',
    3340: 'Neoverse-N1',
    3341: 'Cortex-A77',
    3342: 'Cortex-A76AE',
    3392: 'Neoverse-V1',
    3393: 'Cortex-A78',
    3394: 'Cortex-A78AE',
    3396: 'Cortex-X1',
    3398: 'Cortex-A510',
    3399: 'Cortex-A710',
    3400: 'Cortex-X2',
    3401: 'Neoverse-N2',
    3402: 'Neoverse-E1',
    3403: 'Cortex-A78C',
    3405: 'Cortex-A715',
    3406: 'Cortex-X3',
    3407: 'Neoverse-V2',
    3456: 'Cortex-A520',
    3457: 'Cortex-A720',
    3458: 'Cortex-X4',
    3460: 'Neoverse-V3',
    3461: 'Cortex-X925',
    3463: 'Cortex-A725',
    3470: 'Neoverse-N3',
  },
  66: { 15: 'Brahma-B15', 256: 'Brahma-B53', 1302: 'ThunderX2' },
  67: { 161: 'ThunderX-88XX', 175: 'ThunderX2-99xx' },
  70: { 1: 'A64FX' },
  72: { 3329: 'TaiShan-v110', 3392: 'Cortex-A76' },
  78: { 0: 'Denver', 3: 'Denver-2', 4: 'Carmel' },
  80: { 0: 'X-Gene' },
  81: {
    111: 'Krait',
    517: 'Kryo',
    529: 'Kryo',
    2048: 'Falkor-V1/Kryo',
    2049: 'Kryo-V2',
    2050: 'Kryo-3XX-Gold',
    2051: 'Kryo-3XX-Silver',
    2052: 'Kryo-4XX-Gold',
    2053: 'Kryo-4XX-Silver',
    3072: 'Falkor',
    3073: 'Saphira',
    1: 'Oryon',
  },
  192: { 2755: 'Ampere-1', 2756: 'Ampere-1a' },
};
