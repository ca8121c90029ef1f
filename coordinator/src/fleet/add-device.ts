import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { stringify } from 'yaml';
import type { Authority } from '../pki/authority.ts';
import { type DeviceIdentity, issueDeviceIdentity } from '../pki/issue-device-identity.ts';
import { writeDurably } from '../pki/write-durably.ts';
import type { DeviceRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

export interface NewDevice {
  readonly store: Pick<Store, 'addDevice'>;
  readonly authority: Authority;
  readonly name: string;
  /** `host:port` at which the agent reaches the coordinator. */
  readonly coordinatorAddress: string;
  /** Where the agent's files go; absent: the caller writes or sends the identity itself. */
  readonly outDir?: string;
}

/**
 * Registers a device, approved, and issues its identity. With `outDir` it writes `device.key` (0600),
 * `device.crt`, `ca.crt`, `agent.yaml` and a `.gitignore` there; throws `already-exists` rather than overwrite an identity,
 * or for a name in use. Where anything fails neither is left: no name without an identity, no files without a device.
 */
export async function addDevice(
  request: NewDevice,
): Promise<{ readonly device: DeviceRecord; readonly identity: DeviceIdentity }> {
  checkName(request.name);
  if (request.outDir !== undefined) refuseOverwriting(request.outDir);
  const id = createDeviceId();
  const identity = await issueDeviceIdentity({
    authority: request.authority,
    deviceId: id,
    nowMs: Date.now(),
  });
  await using undo = new AsyncDisposableStack();
  // Written first: a name that is taken by a device without an identity would be of no use to anybody.
  if (request.outDir !== undefined) await writeIdentity(request, request.outDir, { identity, undo });
  const device = await request.store.addDevice({
    id,
    name: request.name,
    publicKey: identity.publicKey,
    certificatePem: identity.certificatePem,
    certificateEndsAtMs: identity.certificateEndsAtMs,
  });
  undo.move();
  return { device, identity };
}

/** `dev_` and 128 random bits in lower-case base32. */
export function createDeviceId(): string {
  const digits = 'abcdefghijklmnopqrstuvwxyz234567';
  let rest = BigInt(`0x${randomBytes(16).toString('hex')}`);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text += digits[Number(rest & 31n)];
    rest >>= 5n;
  }
  return `dev_${text}`;
}

/** The agent's files; `undo` takes away again what was written, also where the writing fails half-way. */
async function writeIdentity(
  request: NewDevice,
  outDir: string,
  { identity, undo }: { readonly identity: DeviceIdentity; readonly undo: AsyncDisposableStack },
): Promise<void> {
  const made = await mkdir(outDir, { recursive: true, mode: 0o700 });
  // Whoever has put something else there keeps it.
  if (made !== undefined) undo.defer(() => rmdir(outDir).catch(() => undefined));
  const isOurs = (await readdir(outDir)).length === 0;
  const write = async (name: string, content: string, mode: number): Promise<void> => {
    const path = join(outDir, name);
    const before = await readFile(path, 'utf8').catch(() => undefined);
    undo.defer(() => (before === undefined ? rm(path, { force: true }) : writeDurably(path, before, mode)));
    await writeDurably(path, name === '.gitignore' ? `${before ?? ''}${content}` : content, mode);
  };
  // Whatever checkout the folder lies in, and whatever its name: `git add .` must not take the key along.
  await write('.gitignore', isOurs ? '*\n' : '/device.key\n', 0o644);
  await write('ca.crt', identity.caPem, 0o644);
  await write('device.crt', identity.certificatePem, 0o644);
  const settings = { coordinator: request.coordinatorAddress, name: request.name };
  await write('agent.yaml', stringify(settings), 0o644);
  await write('device.key', identity.keyPem, 0o600);
}

function refuseOverwriting(outDir: string): void {
  const found = ['device.key', 'device.crt'].find((file) => existsSync(join(outDir, file)));
  if (!found) return;
  throw new QfleetError('already-exists', `There is an identity in ${outDir} already (${found}).`, {
    hint: 'Choose another folder with --out; a device keeps the identity it has.',
  });
}

/** Names appear in tables, file names and shells. */
function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && !name.startsWith('dev_')) return;
  throw new QfleetError('invalid-argument', `"${name.slice(0, 80)}" is no name for a device.`, {
    hint: 'Use 1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit, not with "dev_".',
  });
}
