import { stripVTControlCharacters } from 'node:util';

/**
 * Text from devices made safe to show in one line of a terminal or a table: escape sequences and control
 * characters go, white space becomes single spaces, and so do the marks that turn the direction of writing.
 */
export function stripControl(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
}
