import type { Cpuinfo } from './parse-cpuinfo.ts';
import { decodeRaspberryRevision } from './raspberry-revision.ts';
import { readText } from './read-text.ts';

/** The board or machine, and its SoC where the device tree or a revision code names it. */
export interface Board {
  readonly model?: string;
  /** `brcm,bcm2837`, as in the device tree's `compatible`. */
  readonly soc?: string;
}

/**
 * Names the board: the device tree first, since the firmware wrote it for this very board; then what the
 * kernel printed into /proc/cpuinfo (`Model`, a Raspberry Pi's revision code, `Hardware`); then DMI on PCs
 * and servers. Nothing found: an empty object.
 */
export async function readBoard(root: string, cpuinfo: Cpuinfo): Promise<Board> {
  const raspberry = raspberryOf(cpuinfo);
  const soc = (await readSoc(root)) ?? raspberry?.soc;
  const model =
    (await readDeviceTree(root, 'model')) ??
    cpuinfo.boardModel ??
    raspberry?.model ??
    boardFromHardware(cpuinfo.hardware) ??
    (await readDmi(root));
  return { ...(model !== undefined && { model }), ...(soc !== undefined && { soc }) };
}

async function readDeviceTree(root: string, property: string): Promise<string | undefined> {
  // Both are the same tree; containers often hide the first, qemu's sysroots often lack the second.
  return (
    (await readText(root, `proc/device-tree/${property}`)) ??
    (await readText(root, `sys/firmware/devicetree/base/${property}`))
  );
}

/** `compatible` runs from the board to the SoC, so the last entry is the SoC. */
async function readSoc(root: string): Promise<string | undefined> {
  const compatible = await readDeviceTree(root, 'compatible');
  return compatible
    ?.split('\0')
    .filter((entry) => entry !== '')
    .at(-1);
}

function raspberryOf(cpuinfo: Cpuinfo): { model: string; soc: string } | undefined {
  const isRaspberry = /^BCM2\d{3}$/.test(cpuinfo.hardware ?? '');
  return isRaspberry && cpuinfo.revision ? decodeRaspberryRevision(cpuinfo.revision) : undefined;
}

/** Old kernels name the machine here. A Broadcom chip's number alone (`BCM2835`) names no board. */
function boardFromHardware(hardware: string | undefined): string | undefined {
  if (hardware === undefined || /^BCM2\d{3}$/.test(hardware)) return undefined;
  return jetsonNames[hardware.toLowerCase().replaceAll('_', '-')] ?? hardware;
}

const jetsonNames: Readonly<Record<string, string>> = {
  'jetson-tk1': 'NVIDIA Jetson TK1',
  'jetson-tx1': 'NVIDIA Jetson TX1',
  quill: 'NVIDIA Jetson TX2',
};

async function readDmi(root: string): Promise<string | undefined> {
  const vendor = await readText(root, 'sys/class/dmi/id/sys_vendor');
  const product = await readText(root, 'sys/class/dmi/id/product_name');
  const words = [vendor, product].filter((word) => word !== undefined && !isPlaceholder(word));
  return words.length > 0 ? words.join(' ') : undefined;
}

/** What board makers leave in DMI when nobody fills it in. */
function isPlaceholder(word: string): boolean {
  return /^(to be filled|default string|system (manufacturer|product)|not specified|none$|o\.e\.m)/i.test(
    word,
  );
}
