import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createProgram as createAgentProgram } from '../agent/src/cli/create-program.ts';
import { createProgram } from '../coordinator/src/cli/program.ts';
import { projectFolder } from './support/project-folder.ts';

type Command = ReturnType<typeof createAgentProgram>;

const programs: Readonly<Record<string, Command>> = {
  qfleet: createProgram({
    stdout: process.stdout,
    stderr: process.stderr,
    env: {},
    cwd: '/',
    signal: new AbortController().signal,
  }),
  'qfleet-agent': createAgentProgram(),
};

const texts = [
  'README.md',
  ...globSync(
    [
      'coordinator/src/**/*.{ts,cjs,md}',
      'agent/src/**/*.{ts,cjs}',
      'shared/src/**/*.ts',
      'deploy/**/*.{ts,sh}',
    ],
    { cwd: projectFolder },
  ).filter((path) => !path.endsWith('.test.ts')),
].map((path) => ({ path, text: readFileSync(join(projectFolder, path), 'utf8') }));

/** What stands for something that the reader puts in, or that the program does: `NAME`, `${id}`, `…`. */
const isPlaceholder = (word: string): boolean => /^([A-Z][A-Z_…]*|\$\{.*|….*)$/.test(word);

test('every command and flag that a text names exists', () => {
  const wrong: string[] = [];
  let seen = 0;
  for (const { path, text } of texts) {
    for (const [line, program = '', rest = ''] of text.matchAll(
      /\.\/(qfleet(?:-agent)?) ([^\n`'|;&()\\]+)/g,
    )) {
      seen += 1;
      const why = whyUnknown(programs[program]!, wordsOf(rest));
      if (why) wrong.push(`${path}: ${line}: ${why}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(seen > 100, `only ${seen} were found`);
});

test('a command is named as it is typed in a checkout: ./qfleet, never npx qfleet or qfleet alone', () => {
  const names = programs['qfleet']!.commands.map((command) => command.name());
  const alone = new RegExp(
    `(?<![\\w./@-])(npx )?qfleet(-agent)? (${[...names, 'status'].join('|')})(?![\\w-])`,
  );
  const wrong = texts.flatMap(({ path, text }) =>
    text
      .split('\n')
      .filter((line) => alone.test(line))
      // Comments name commands; the titles of reports are titles.
      .filter(
        (line) => path.endsWith('.md') || !/^\s*(\*|\/\/|\/\*|#)|title: |agent: |## qfleet gate/.test(line),
      )
      .map((line) => `${path}: ${line.trim()}`),
  );
  assert.deepEqual(wrong, []);
});

test('what an input is made of is named by one flag in every command', () => {
  const all = Object.values(programs).flatMap((program) => [
    program,
    ...program.commands.flatMap(withChildren),
  ]);
  const flags = all.flatMap((command) =>
    command.options.filter(({ hidden }) => !hidden).map(({ long }) => long),
  );
  assert.deepEqual([...new Set(flags.filter((flag) => flag?.includes('contract')))], ['--contract']);
  assert.ok(flags.filter((flag) => flag === '--contract').length >= 3);
});

function withChildren(command: Command): Command[] {
  return [command, ...command.commands.flatMap((child) => withChildren(child as Command))];
}

/** The words of the command, up to where the sentence goes on. */
function wordsOf(rest: string): string[] {
  const [command = ''] = rest.split(/\.\/qfleet|,? then |, |\. |: /);
  return command
    .trim()
    .replace(/\.$/, '')
    .split(/\s+/)
    .map((word) => word.replace(/(?<=.)\$\{.*$/, ''));
}

function whyUnknown(program: Command, words: readonly string[]): string | undefined {
  let command = program;
  let at = 0;
  while (command.commands.length > 0) {
    const word = words[at];
    if (word === undefined || word.startsWith('-')) break;
    const next = isPlaceholder(word)
      ? command.commands[0]
      : command.commands.find((child) => child.name() === word);
    if (!next) return `there is no command "${word}"`;
    [command, at] = [next, at + 1];
  }
  // What follows these goes to the agent as it is.
  if (
    program === programs['qfleet'] &&
    ['probe', 'bench'].includes(command.name()) &&
    command.parent === program
  )
    command = programs['qfleet-agent']!.commands.find((child) => child.name() === command.name())!;
  const flags = new Set(['--help', '-h']);
  for (let each: Command | null = command; each; each = each.parent)
    for (const { long, short } of each.options) for (const flag of [long, short]) if (flag) flags.add(flag);
  const unknown = words
    .slice(at)
    .find((word) => /^--?[a-z]/.test(word) && !flags.has(word.replace(/[=.:]+.*$/, '')));
  return unknown && `${command.name()} has no ${unknown}`;
}
