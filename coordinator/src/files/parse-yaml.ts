import { QfleetError } from '@qfleet/shared/errors.ts';
import { parse } from 'yaml';

/** What people write by hand has some kilobytes. A parser of YAML takes a second and 300 MB for a megabyte. */
const maxCharacters = 512 * 1024;

/**
 * YAML, and so JSON too, as a value; `what` names it in errors. Keys are not compared for repetition, which takes the
 * square of their number: the last one counts. Throws `invalid-argument`, or the code asked for, with the line.
 */
export function parseYaml(
  text: string,
  what: string,
  code: 'invalid-argument' | 'usage' | 'refused' = 'invalid-argument',
): unknown {
  if (text.length > maxCharacters) {
    throw new QfleetError(code, `${what} has ${text.length} characters; expected at most ${maxCharacters}.`, {
      hint: 'Check that it is the file that was meant.',
    });
  }
  try {
    return parse(text, { uniqueKeys: false });
  } catch (cause) {
    throw new QfleetError(code, `${what} is neither YAML nor JSON: ${(cause as Error).message}`, {
      hint: 'Write lines such as `preset: imagenet`.',
      cause,
    });
  }
}
