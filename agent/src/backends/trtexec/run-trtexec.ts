import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { confineCommand } from '@qfleet/shared/child/confine-command.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { type ConsoleFacts, parseConsole } from '@qfleet/shared/trtexec/parse-console.ts';

/** Where NVIDIA's packages put it; it is on nobody's path. */
const usualPath = '/usr/src/tensorrt/bin/trtexec';

/** The program, on the path or where NVIDIA's packages put it. */
export function findTrtexec(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders.map((folder) => join(folder, 'trtexec')), usualPath].find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Console text that is kept: a verbose build writes megabytes. */
const maxConsoleCharacters = 2 ** 20;

/**
 * Runs trtexec to its end. A hung one is killed after the limit with all its children. Throws `unsupported` where it
 * is not there, `timeout`, and where it says that it failed `refused`, or `resource-exhausted` for want of memory.
 */
export async function runTrtexec(
  args: readonly string[],
  { limitMs }: { readonly limitMs: number },
): Promise<ConsoleFacts> {
  const path = findTrtexec();
  if (path === undefined) {
    throw new QfleetError('unsupported', 'There is no trtexec on this device.', {
      hint: `Install TensorRT’s tools, or put trtexec on the PATH; JetPack has it at ${usualPath}.`,
    });
  }
  const { text, code, signal, isLate } = await runToEnd(path, args, limitMs);
  if (isLate) {
    throw new QfleetError(
      'timeout',
      `trtexec did not end within ${Math.round(limitMs / 1000)} s and was killed.`,
    );
  }
  const facts = parseConsole(text);
  if (facts.passed || (code === 0 && signal === null)) return facts;
  throw describeFailure(facts, text, signal ?? `exit code ${code}`);
}

interface Ended {
  readonly text: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly isLate: boolean;
}

function runToEnd(path: string, args: readonly string[], limitMs: number): Promise<Ended> {
  // A process group of its own, so that its children can be killed with it; it ends with this process, however that ends.
  const [file, ...words] = confineCommand([path, ...args]);
  const child = spawn(file, words, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const keep = (chunk: string): void => {
    text = (text + chunk).slice(-maxConsoleCharacters);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  let isLate = false;
  const killGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    killGroup();
  }, limitMs);
  process.once('exit', killGroup);
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(QfleetError.from(error)));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      process.removeListener('exit', killGroup);
      resolve({ text, code, signal, isLate });
    });
  });
}

function describeFailure({ errors }: ConsoleFacts, text: string, how: string): QfleetError {
  const said = errors.at(0) ?? text.trim().split('\n').at(-1) ?? '';
  const all = errors.join('\n');
  if (/out of memory|OutOfMemory|insufficient memory|Killed/i.test(`${all}\n${text}`)) {
    return new QfleetError('resource-exhausted', `trtexec ran out of memory (${how}): ${said}`, {
      hint: 'Give it less workspace: provider option workspaceMiB.',
    });
  }
  return new QfleetError('refused', `trtexec failed (${how}): ${said}`);
}
