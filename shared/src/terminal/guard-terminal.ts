import type { Writable } from 'node:stream';

/**
 * Control characters but line feed, tab and the carriage return of CRLF; C1 ones, which terminals take for escape
 * sequences too; and those that turn the direction of text around.
 */
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\r(?!\n)/g;

/** What our own output uses: bold on and off within a text, and a bar that is taken away in a write of its own. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is our own escape sequence
const ownSequences = /(\u001b\[[01]m)/;
const barIsTakenAway = ['\r\u001b[2K', '\r\u001b[K'];

/** A text whose control characters are written out as JSON does it, `\u001b`: safe on a terminal, the same inside JSON. */
export function escapeControls(text: string): string {
  return text
    .split(ownSequences)
    .map((part, i) => (i % 2 === 1 ? part : part.replaceAll(unsafe, toEscape)))
    .join('');
}

/**
 * Makes a stream of this process safe to look at, whatever names, notes and messages come from devices, files and other
 * users: all that is written to it as text is escaped. The one place for it, so that no command can forget.
 */
export function guardTerminal(stream: Writable): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  const guarded = (chunk: unknown, ...rest: unknown[]): boolean =>
    write(typeof chunk === 'string' && !isOwnBar(chunk) ? escapeControls(chunk) : chunk, ...rest);
  stream.write = guarded as Writable['write'];
}

/** Alone in a write: within a text, which may be another's, it would hide what stands before it. */
function isOwnBar(chunk: string): boolean {
  return barIsTakenAway.includes(chunk);
}

function toEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
