#!/usr/bin/env node
/**
 * An emulated board: the agent's own sources on npm's Node for that architecture under qemu-user. Numerics
 * are those of the real kernels; times mean nothing, and the agent is told so.
 *
 *   node deploy/virtual-device.ts check pi3                    can it run with what is here? exit 0, or 1 with one line why not
 *   node deploy/virtual-device.ts prepare pi3                  gets the emulator and the board's files, once
 *   node deploy/virtual-device.ts run pi3 --identity DIR …     runs `qfleet-agent run` on the board
 *   node deploy/virtual-device.ts exec pi3 probe -o json       any command of `qfleet-agent` on the board
 */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VirtualBoard } from './virtual-device/board.ts';
import { findVirtualBoard, virtualBoards } from './virtual-device/boards.ts';
import { boardsFolder as folder } from './virtual-device/boards-folder.ts';
import {
  type Emulator,
  ensureEmulator,
  findEmulator,
  findOnPath,
  whyNoEmulator,
} from './virtual-device/emulator.ts';
import { ensureSysroot, hasBase, type Sysroot } from './virtual-device/sysroot.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const say = (line: string): void => void process.stderr.write(`virtual device: ${line}\n`);

const [command, boardId, ...rest] = process.argv.slice(2);
const board = findVirtualBoard(boardId ?? '');
if (!board || !['check', 'prepare', 'run', 'exec'].includes(command ?? '')) {
  say(
    `usage: virtual-device.ts check|prepare|run|exec ${virtualBoards.map((known) => known.id).join('|')} [qfleet-agent's options]`,
  );
  process.exit(2);
}
const obstacle = findObstacle() ?? (command === 'check' ? whyNotYet(board) : undefined);
if (obstacle) {
  say(obstacle);
  process.exit(1);
}
if (command === 'prepare') prepareBoard(board);
if (command === 'run') {
  requireIdentity(rest);
  runBoard(board, ['run', ...rest]);
}
if (command === 'exec') runBoard(board, rest);

/** Why no board can be emulated here, or undefined. */
function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`;
  const why = board && whyNoEmulator(board.architecture, folder);
  if (why) return why;
  if (board && hasBase(board, folder)) return undefined;
  const missing = ['apt-get', 'dpkg-deb', 'npm', 'tar'].filter((tool) => !findOnPath(tool));
  return missing.length > 0 ? `needs ${missing.join(', ')} to fetch the board's libraries` : undefined;
}

/** What is still to be got: nobody who only asks, or looks at a demo, waits for it. */
function whyNotYet({ id, architecture }: VirtualBoard): string | undefined {
  if (findEmulator(architecture, folder)) return undefined;
  return `no emulator for ${id} yet; get it once, some 250 MB: node deploy/virtual-device.ts prepare ${id}`;
}

/** Before anything is fetched: without an identity the agent would end at once. */
function requireIdentity(agentArguments: readonly string[]): void {
  const at = agentArguments.findIndex((argument) => /^--identity(=|$)/.test(argument));
  const joined = agentArguments[at]?.split('=')[1];
  const identity = at < 0 ? process.env['QFLEET_AGENT_IDENTITY'] : (joined ?? agentArguments[at + 1]);
  const missing =
    identity === undefined
      ? 'no identity was given'
      : ['device.key', 'device.crt', 'ca.crt']
          .map((name) => join(identity, name))
          .find((path) => !existsSync(path));
  if (missing === undefined) return;
  const what = identity === undefined ? missing : `there is no ${missing}`;
  say(`${what}; make one on the coordinator with: ./qfleet device add NAME --out DIR`);
  process.exit(78);
}

function prepareBoard(virtualBoard: VirtualBoard): { sysroot: Sysroot; emulator: Emulator } {
  mkdirSync(folder, { recursive: true });
  const emulator = ensureEmulator(virtualBoard.architecture, folder, say);
  return { emulator, sysroot: ensureSysroot(virtualBoard, folder, say) };
}

function runBoard(virtualBoard: VirtualBoard, agentArguments: readonly string[]): void {
  const { sysroot, emulator } = prepareBoard(virtualBoard);
  const { path: qemu, version } = emulator;
  const prefix = [qemu, '-cpu', virtualBoard.cpu, '-L', sysroot.root, sysroot.node];
  // This process becomes the emulator, so that signals, standard input and the exit code are the agent's own.
  process.execve?.(qemu, [...prefix, join(project, 'agent/src/cli/qfleet-agent.cjs'), ...agentArguments], {
    ...process.env,
    PATH: `${lscpuShim(sysroot)}${delimiter}${process.env['PATH'] ?? ''}`,
    QFLEET_NODE_COMMAND: JSON.stringify(prefix),
    QFLEET_EMULATED: JSON.stringify({ by: `qemu-user ${version}`.trim(), cpu: virtualBoard.cpu }),
  });
}

/** systeminformation asks the host's lscpu, which would see the host: this one reads the board's files. */
function lscpuShim(sysroot: Sysroot): string {
  const bin = join(sysroot.root, 'host-bin');
  mkdirSync(bin, { recursive: true });
  const real = findOnPath('lscpu') ?? '/usr/bin/lscpu';
  writeFileSync(join(bin, 'lscpu'), `#!/bin/sh\nexec ${real} -s "${sysroot.root}" "$@"\n`);
  chmodSync(join(bin, 'lscpu'), 0o755);
  return bin;
}
