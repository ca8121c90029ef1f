/** A Raspberry Pi by the revision code in /proc/cpuinfo. */
export interface RaspberryBoard {
  /** As the device tree would name it: `Raspberry Pi 3 Model B Rev 1.2`. */
  readonly model: string;
  /** `brcm,bcm2837`, as in the device tree's `compatible`. */
  readonly soc: string;
}

/**
 * Decodes a revision code; undefined where the table does not hold it. New style, bit 23 set:
 * `NOQuuuWuFMMMCCCCPPPPTTTTTTTTRRRR` with processor P, type T and revision R; old style, 0x0002 to 0x0015:
 * by table. Bits 24 and 25 say that the board was overvolted and do not name it.
 * Source: raspberrypi/documentation, `revision-codes.adoc`.
 */
export function decodeRaspberryRevision(revision: string): RaspberryBoard | undefined {
  const code = Number.parseInt(revision, 16);
  if (!Number.isFinite(code)) return undefined;
  const isNewStyle = ((code >>> 23) & 1) === 1;
  return isNewStyle ? decodeNewStyle(code) : decodeOldStyle(code & 0xffff);
}

function decodeNewStyle(code: number): RaspberryBoard | undefined {
  const name = modelNames[(code >>> 4) & 0xff];
  const soc = socs[(code >>> 12) & 0xf];
  return name && soc ? { model: `Raspberry Pi ${name} Rev 1.${code & 0xf}`, soc } : undefined;
}

function decodeOldStyle(code: number): RaspberryBoard | undefined {
  const name = oldModelNames[code];
  return name ? { model: `Raspberry Pi ${name}`, soc: 'brcm,bcm2835' } : undefined;
}

const socs: Readonly<Record<number, string>> = {
  0: 'brcm,bcm2835',
  1: 'brcm,bcm2836',
  2: 'brcm,bcm2837',
  3: 'brcm,bcm2711',
  4: 'brcm,bcm2712',
};

const modelNames: Readonly<Record<number, string>> = {
  0: 'Model A',
  1: 'Model B',
  2: 'Model A Plus',
  3: 'Model B Plus',
  4: '2 Model B',
  6: 'Compute Module',
  8: '3 Model B',
  9: 'Zero',
  10: 'Compute Module 3',
  12: 'Zero W',
  13: '3 Model B Plus',
  14: '3 Model A Plus',
  16: 'Compute Module 3 Plus',
  17: '4 Model B',
  18: 'Zero 2 W',
  19: '400',
  20: 'Compute Module 4',
  21: 'Compute Module 4S',
  23: '5 Model B',
  24: 'Compute Module 5',
  25: '500',
  26: 'Compute Module 5 Lite',
};

const oldModelNames: Readonly<Record<number, string>> = {
  2: 'Model B Rev 1',
  3: 'Model B Rev 1',
  4: 'Model B Rev 2',
  5: 'Model B Rev 2',
  6: 'Model B Rev 2',
  7: 'Model A Rev 2',
  8: 'Model A Rev 2',
  9: 'Model A Rev 2',
  13: 'Model B Rev 2',
  14: 'Model B Rev 2',
  15: 'Model B Rev 2',
  16: 'Model B Plus Rev 1',
  17: 'Compute Module Rev 1',
  18: 'Model A Plus Rev 1',
  19: 'Model B Plus Rev 1',
  20: 'Compute Module Rev 1',
  21: 'Model A Plus Rev 1',
};
