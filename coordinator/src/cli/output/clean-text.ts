// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
const controls = /[\u0000-\u001f\u007f-\u009f]/g;

/** Text that came from a device or a file, safe on a terminal: control characters, and so escape sequences, become `�`. */
export function cleanText(text: string): string {
  return text.replaceAll(controls, '�');
}
