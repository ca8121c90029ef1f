/** Collects reasons and gives each a short code, so that a table says why a number is missing without growing wide. */
export class Footnotes {
  readonly #codes = new Map<string, string>();

  /** The code of a text, the same for the same text: a, b, …, z, aa, ab, … */
  code(text: string): string {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    const code = letters(this.#codes.size);
    this.#codes.set(text, code);
    return code;
  }

  /** Where it stands now, for `forget`. */
  mark(): number {
    return this.#codes.size;
  }

  /** Takes back what was noted since a mark, for a table that is not shown after all. */
  forget(mark: number): void {
    for (const text of [...this.#codes.keys()].slice(mark)) this.#codes.delete(text);
  }

  /** Every text with its code, in the order of first use. */
  list(): { readonly code: string; readonly text: string }[] {
    return [...this.#codes].map(([text, code]) => ({ code, text }));
  }
}

function letters(index: number): string {
  const rest = Math.floor(index / 26);
  return (rest > 0 ? letters(rest - 1) : '') + String.fromCharCode(97 + (index % 26));
}
