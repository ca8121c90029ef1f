import { type Command, InvalidArgumentError } from 'commander';

/** Adds `-o table|json|csv`, the way every listing is asked for. */
export function withOutput(command: Command): Command {
  return command.option('-o, --output <format>', 'table, json or csv', 'table');
}

/** Adds `-o text|json`, for commands that change something. */
export function withAnswer(command: Command): Command {
  return command.option('-o, --output <format>', 'text or json', 'text');
}

/** Adds the one example that every command's help ends with. */
export function withExample(command: Command, example: string): Command {
  return command.addHelpText('after', `\nExample:\n  $ ${example}`);
}

/** Parses an option that is a whole number of at least `minimum`. */
export function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`Expected a whole number of at least ${minimum}.`);
  };
}

/** Parses `a,b,c`; also collects a repeated option. */
export function commaList(text: string, before: readonly string[] = []): string[] {
  const parts = text.split(',').map((part) => part.trim());
  return [...before, ...parts.filter((part) => part !== '')];
}

/** Parses `HOST:PORT` or `PORT`; `[::1]:7443` for IPv6. */
export function hostPort(text: string): { host: string; port: number } {
  const match = /^(?:(\[[^\]]+\]|[^:]+):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535)
    throw new InvalidArgumentError('Expected HOST:PORT, for example 0.0.0.0:7443.');
  return { host: (match[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port };
}
