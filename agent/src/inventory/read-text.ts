import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The trimmed text of a small file of /proc, /sys or the device tree under `root`, without its trailing NULs;
 * undefined where it is not there, not readable or empty. What a kernel does not tell is an ordinary case.
 */
export async function readText(root: string, path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(join(root, path), 'utf8')).replace(/\0+$/, '').trim();
    return text === '' ? undefined : text;
  } catch {
    return undefined;
  }
}

/** A file that holds one decimal number; undefined where it is missing or holds something else. */
export async function readNumber(root: string, path: string): Promise<number | undefined> {
  const text = await readText(root, path);
  if (text === undefined || !/^-?\d+(\.\d+)?$/.test(text)) return undefined;
  return Number(text);
}

/** Names in a folder under `root` that match, in natural order (`cpu2` before `cpu10`); empty where it is missing. */
export async function listNames(root: string, path: string, pattern: RegExp): Promise<string[]> {
  try {
    const names = await readdir(join(root, path));
    return names
      .filter((name) => pattern.test(name))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch {
    return [];
  }
}
