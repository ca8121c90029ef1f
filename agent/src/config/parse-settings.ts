/**
 * Reads settings written as `key: value` lines: the part of YAML that `agent.yaml` needs. Values are plain, in
 * double quotes (escapes as in JSON) or in single quotes; `#` begins a comment at the start of a line or after a
 * blank. Values stay text. Throws a plain Error that names the line for anything else, rather than guess at it.
 * A whole YAML parser would stay in the memory of the running agent, 4.5 MB, for a file of two lines.
 */
export function parseSettings(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (/^[ \t]*(#|$)/.test(line) || line === '---') continue;
    const [, key, rest] = /^([A-Za-z]\w*):(?:[ \t]+(.*))?$/.exec(line) ?? [];
    const value = key === undefined ? undefined : parseValue(rest ?? '');
    if (key === undefined || value === undefined) throw wrongLine(index, line, 'expected "key: value"');
    if (settings.has(key)) throw wrongLine(index, line, `${key} is there twice`);
    settings.set(key, value);
  }
  return settings;
}

/** The value that a line ends with; undefined where it is none that this reader knows, or none at all. */
function parseValue(text: string): string | undefined {
  const [, quoted, single, plain] = valuePattern.exec(text) ?? [];
  if (quoted !== undefined) return parseQuoted(quoted);
  return single?.replaceAll("''", "'") ?? plain;
}

/** Double-quoted; single-quoted with '' for a quote; or plain, which YAML's other forms do not begin like. */
const valuePattern =
  /^(?:("(?:[^"\\]|\\.)*")|'((?:[^']|'')*)'|((?!- )[^ \t"'#&*!|>{}%@`].*?))(?:[ \t]+#.*|[ \t]*)$/;

function parseQuoted(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}

function wrongLine(index: number, line: string, problem: string): Error {
  return new Error(`line ${index + 1}: ${problem}, got ${JSON.stringify(line.slice(0, 80))}`);
}
