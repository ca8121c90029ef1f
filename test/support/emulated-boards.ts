import { findVirtualBoard } from '../../deploy/virtual-device/boards.ts';
import { boardsFolder } from '../../deploy/virtual-device/boards-folder.ts';
import { findEmulator } from '../../deploy/virtual-device/emulator.ts';

/**
 * For `test`'s skip: false where all of these boards can be emulated by what is installed or was fetched before, else
 * the reason. No test fetches an emulator.
 */
export function whyNoBoards(...boards: readonly string[]): string | false {
  const missing = boards.find((id) => !findEmulator(findVirtualBoard(id)!.architecture, boardsFolder));
  return (
    missing !== undefined &&
    `no emulator for ${missing}; get it: node deploy/virtual-device.ts prepare ${missing}`
  );
}
