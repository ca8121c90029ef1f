import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Check } from './check.ts';

const script = fileURLToPath(new URL('../../../../deploy/virtual-device.ts', import.meta.url));

/** Whether boards can be emulated here, asked of what emulates them; nothing else needs it. */
export const checkEmulator: Check = async ({ context }) => {
  const what = 'emulator';
  try {
    await promisify(execFile)(process.execPath, [script, 'check', 'pi3'], {
      env: context.env,
      timeout: 30_000,
    });
    return {
      what,
      state: 'ok',
      detail: 'boards can be emulated: ./qfleet virtual-device start pi3 --identity DIR',
    };
  } catch (thrown) {
    const said = ((thrown as { stderr?: string }).stderr ?? '').trim().replace(/^virtual device: /, '');
    const detail = said.split('\n')[0] || 'the check failed';
    const fix = 'To emulate boards on Debian or Ubuntu: sudo apt install qemu-user-static';
    return { what, state: 'warning', detail, fix };
  }
};
