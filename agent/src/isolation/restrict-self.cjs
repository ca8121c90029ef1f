'use strict';
// The last stage before a runner: takes rights from its own process for good, then becomes the command that it is given.
// Rights that the kernel takes belong to a thread and are inherited by what that starts or becomes: so this comes before
// a runtime has threads, and Node, which has some, is started anew. Plain JavaScript, since stripping types takes longer
// than all of this.
//
//   node restrict-self.cjs ORDER COMMAND…   restricts itself by ORDER (JSON) and becomes COMMAND
//   node restrict-self.cjs probe            prints Landlock's ABI version, or why there is none
const { lstatSync, closeSync, openSync, readdirSync } = require('node:fs');
const { join } = require('node:path');

/** The same on x64 and arm64. */
const calls = { createRuleset: 444, addRule: 445, restrictSelf: 446 };
/** linux/landlock.h: rights over files by the ABI that brought the last of them; 14: REFER, 15: TRUNCATE, 16: IOCTL_DEV. */
const fileRightsByAbi = [
  0n,
  (1n << 13n) - 1n,
  (1n << 14n) - 1n,
  (1n << 15n) - 1n,
  (1n << 15n) - 1n,
  (1n << 16n) - 1n,
];
/** Of these a file can have: execute, write, read, truncate, ioctl. */
const rightsOfFile = (1n << 0n) | (1n << 1n) | (1n << 2n) | (1n << 14n) | (1n << 15n);
/** Bind and connect of TCP (ABI 4); connecting to abstract sockets and sending signals outside (ABI 6). */
const networkRights = 3n;
const scopes = 3n;
const noNewPrivileges = 38;
const openPath = 0o10000000 | 0o400000 | 0o2000000;

const koffi = require('koffi');
const libc = koffi.load(null);
const syscall = libc.func('long syscall(long number, ...)');

function readAbi() {
  const abi = Number(syscall(calls.createRuleset, 'void *', null, 'unsigned long', 0, 'unsigned int', 1));
  return abi > 0 ? abi : { errno: koffi.errno() };
}

/** `denied`: absolute paths that must not be reached; `allowed`: folders beneath them that may. */
function restrict({ denied, allowed }) {
  const abi = readAbi();
  if (typeof abi !== 'number') throw new Error(`there is no Landlock (errno ${abi.errno})`);
  const rights = fileRightsByAbi[Math.min(abi, fileRightsByAbi.length - 1)];
  const attributes = Buffer.alloc(24);
  if (denied.length > 0) attributes.writeBigUInt64LE(rights, 0);
  if (abi >= 4) attributes.writeBigUInt64LE(networkRights, 8);
  if (abi >= 6) attributes.writeBigUInt64LE(scopes, 16);
  const size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  if (denied.length === 0 && abi < 4) return;
  const ruleset = Number(
    syscall(calls.createRuleset, 'uint8_t *', attributes, 'unsigned long', size, 'unsigned int', 0),
  );
  if (ruleset < 0) throw new Error(`landlock_create_ruleset: errno ${koffi.errno()}`);
  if (denied.length > 0) allowAllBut('/', { denied, allowed }, (path) => allow(ruleset, path, rights));
  const prctl = libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
  prctl(noNewPrivileges, 1, 0, 0, 0);
  if (Number(syscall(calls.restrictSelf, 'int', ruleset, 'unsigned int', 0)) !== 0)
    throw new Error(`landlock_restrict_self: errno ${koffi.errno()}`);
}

/** Landlock knows no exceptions: everything beside the way to what is denied is allowed, entry by entry. */
function allowAllBut(folder, paths, allowPath) {
  const isWithin = (path, outer) => path === outer || path.startsWith(`${outer}/`);
  for (const name of list(folder)) {
    const path = join(folder, name);
    if (paths.denied.includes(path)) {
      for (const inner of paths.allowed) if (isWithin(inner, path)) allowPath(inner);
    } else if (paths.denied.some((one) => isWithin(one, path))) allowAllBut(path, paths, allowPath);
    else allowPath(path);
  }
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A symbolic link gives no right over what it names; what cannot be opened is left out, and so denied. */
function allow(ruleset, path, rights) {
  let fd;
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return;
    fd = openSync(path, openPath);
    const rule = Buffer.alloc(12);
    rule.writeBigUInt64LE(stat.isDirectory() ? rights : rights & rightsOfFile, 0);
    rule.writeInt32LE(fd, 8);
    syscall(calls.addRule, 'int', ruleset, 'int', 1, 'uint8_t *', rule, 'unsigned int', 0);
  } catch {
    // Gone meanwhile, or not ours.
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The IPC channel was hidden from this Node, which would read from it, and has to survive the exec. */
function become([file, ...args]) {
  const { QFLEET_CHANNEL_FD: channel, ...env } = process.env;
  if (channel !== undefined) {
    const fcntl = libc.func('int fcntl(int, int, ...)');
    fcntl(Number(channel), 2, 'int', 0);
    env.NODE_CHANNEL_FD = channel;
  }
  process.execve(file, [file, ...args], env);
}

if (process.argv[2] === 'probe') {
  process.stdout.write(JSON.stringify(readAbi()));
} else {
  restrict(JSON.parse(process.argv[2]));
  process.removeAllListeners('warning').on('warning', () => undefined);
  become(process.argv.slice(3));
}
