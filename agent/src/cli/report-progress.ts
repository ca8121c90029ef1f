/** Takes the line away; in a write of its own, as the terminal's guard wants it. */
const takeAway = '\r\u001b[K';

/** Says on standard error what is being done: one line that is rewritten on a terminal, lines otherwise. */
export function createProgressLine(
  stream: NodeJS.WriteStream,
): Disposable & { report(step: string, fraction: number): void } {
  let last = '';
  return {
    report: (step, fraction) => {
      if (stream.isTTY) {
        stream.write(takeAway);
        stream.write(`${String(Math.round(fraction * 100)).padStart(3)} % ${step}`);
      } else if (step !== last) stream.write(`${step}\n`);
      last = step;
    },
    [Symbol.dispose]: () => {
      if (stream.isTTY && last) stream.write(takeAway);
    },
  };
}
