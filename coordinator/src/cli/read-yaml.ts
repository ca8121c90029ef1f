import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { parse } from 'yaml';
import type { CliContext } from './cli-context.ts';

/** Reads JSON or YAML that the user wrote; throws `usage` where it is neither. */
export async function readYaml(context: Pick<CliContext, 'cwd'>, file: string): Promise<unknown> {
  const text = await readFile(resolve(context.cwd, file), 'utf8');
  try {
    return parse(text);
  } catch (cause) {
    throw new QfleetError('usage', `${file} is neither JSON nor YAML: ${(cause as Error).message}`, {
      cause,
    });
  }
}
