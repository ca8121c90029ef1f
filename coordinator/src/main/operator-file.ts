import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import * as z from 'zod';

const operatorSchema = z.object({ url: z.url(), token: z.string().min(1), pid: z.number().int() });

/** How operators reach a running coordinator: its API's address, the secret of this start, its process. */
export type Operator = z.infer<typeof operatorSchema>;

/** A new operator token: 256 random bits. */
export function createToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Writes `operator.json` for the owner's eyes only (0600), whole or not at all. */
export async function writeOperatorFile(dataDir: string, operator: Operator): Promise<void> {
  const temporary = join(dataDir, `operator.json.${process.pid}`);
  await writeFile(temporary, `${JSON.stringify(operator, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, join(dataDir, 'operator.json'));
}

/** The running coordinator of a data folder; undefined where none has left a file. Throws `configuration` where it is damaged. */
export async function readOperatorFile(dataDir: string): Promise<Operator | undefined> {
  const path = join(dataDir, 'operator.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw QfleetError.from(error);
  });
  if (text === undefined) return undefined;
  try {
    return operatorSchema.parse(JSON.parse(text));
  } catch (cause) {
    const hint = 'Restart the coordinator: it writes a new one.';
    throw new QfleetError('configuration', `${path} is damaged.`, { hint, cause });
  }
}

/** Takes the file away when the coordinator that wrote it goes down. */
export async function removeOperatorFile(dataDir: string): Promise<void> {
  await rm(join(dataDir, 'operator.json'), { force: true });
}
