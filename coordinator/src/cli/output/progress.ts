import type { CliContext } from '../cli-context.ts';

/** Shows how far something is, on standard error. */
export interface Progress {
  /** Where it stands now; `fraction` is 0…1. */
  update(text: string, fraction: number): void;
  /** A line that stays. */
  note(line: string): void;
  /** Takes the bar away. */
  end(): void;
}

/** Without a terminal, no two passing lines are closer than this, milliseconds. */
const plainIntervalMs = 2000;

const barWidth = 24;

/** A bar that redraws itself on a terminal; else plain lines, at most one every 2 seconds. */
export function createProgress(context: CliContext): Progress {
  return context.stderr.isTTY ? createBar(context.stderr) : createPlain(context.stderr);
}

function createBar(stream: NodeJS.WriteStream): Progress {
  const clear = (): void => void stream.write('\r\u001b[2K');
  return {
    update: (text, fraction) => {
      const filled = Math.round(Math.min(1, Math.max(0, fraction)) * barWidth);
      const bar = `[${'█'.repeat(filled)}${'·'.repeat(barWidth - filled)}] ${formatPercent(fraction)} ${text}`;
      clear();
      stream.write(bar.slice(0, Math.max(20, (stream.columns ?? 80) - 1)));
    },
    note: (line) => {
      clear();
      stream.write(`${line}\n`);
    },
    end: clear,
  };
}

function createPlain(stream: NodeJS.WriteStream): Progress {
  let lastLine = '';
  let lastAtMs = Number.NEGATIVE_INFINITY;
  return {
    update: (text, fraction) => {
      const line = `${formatPercent(fraction)} ${text}`;
      if (line === lastLine || performance.now() - lastAtMs < plainIntervalMs) return;
      [lastLine, lastAtMs] = [line, performance.now()];
      stream.write(`${line}\n`);
    },
    note: (line) => void stream.write(`${line}\n`),
    end: () => undefined,
  };
}

function formatPercent(fraction: number): string {
  return `${Math.floor(fraction * 100)} %`.padStart(5);
}
