import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseYaml } from '../files/parse-yaml.ts';
import type { CliContext } from './cli-context.ts';

/** Reads JSON or YAML that the user wrote; throws `usage` where it is neither. */
export async function readYaml(context: Pick<CliContext, 'cwd'>, file: string): Promise<unknown> {
  return parseYaml(await readFile(resolve(context.cwd, file), 'utf8'), file, 'usage');
}
