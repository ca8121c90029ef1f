import { readFile } from 'node:fs/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { parseSettings } from './parse-settings.ts';

const known = [
  'coordinator',
  'name',
  'state',
  'backends',
  'logLevel',
  'cacheQuotaBytes',
  'runnerMemoryBytes',
  'isolation',
] as const;

/** Settings of `agent.yaml` as they are written there; absent: not set. */
export type ConfigFile = Readonly<Partial<Record<(typeof known)[number], string>>>;

/** Reads an `agent.yaml`; one that is not there sets nothing. Throws `configuration` for what is not as it should be. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const text = await readIfThere(path);
  try {
    const settings = parseSettings(text);
    const unknown = [...settings.keys()].find((key) => !(known as readonly string[]).includes(key));
    if (unknown !== undefined) throw new Error(`there is no setting "${unknown}"`);
    return Object.fromEntries(settings);
  } catch (cause) {
    throw new QfleetError('configuration', `${path} is not as it should be: ${(cause as Error).message}.`, {
      hint: `It takes lines "key: value" for ${known.join(', ')}.`,
      cause,
    });
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new QfleetError('configuration', `${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}
