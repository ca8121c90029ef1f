import { randomBytes } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import * as z from 'zod';
import { hasErrno } from '../blobs/has-errno.ts';
import { writeDurably } from '../pki/write-durably.ts';

const operatorSchema = z.object({ url: z.url(), token: z.string().min(1), pid: z.number().int() });

/** How operators reach a running coordinator: its API's address, the secret of this start, its process. */
export type Operator = z.infer<typeof operatorSchema>;

/** A new operator token: 256 random bits. */
export function createToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Writes `operator.json` for the owner's eyes only (0600), whole or not at all. */
export async function writeOperatorFile(dataDir: string, operator: Operator): Promise<void> {
  await writeDurably(join(dataDir, 'operator.json'), `${JSON.stringify(operator, null, 2)}\n`, 0o600);
}

/** The running coordinator of a data folder; undefined where none has left a file. Throws `configuration` where it is damaged. */
export async function readOperatorFile(dataDir: string): Promise<Operator | undefined> {
  const path = join(dataDir, 'operator.json');
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw QfleetError.from(error);
  });
  if (!found) return undefined;
  try {
    if (!found.isFile()) throw new Error('It is no regular file.');
    return operatorSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    if (hasErrno(cause, 'EACCES')) throw QfleetError.from(cause);
    const hint = 'Restart the coordinator: it writes a new one.';
    throw new QfleetError('configuration', `${path} is damaged.`, { hint, cause });
  }
}

/** Takes the file away when the coordinator that wrote it goes down. */
export async function removeOperatorFile(dataDir: string): Promise<void> {
  await rm(join(dataDir, 'operator.json'), { force: true });
}
