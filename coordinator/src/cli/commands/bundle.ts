import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Trust } from '../../bundle/judge-signers.ts';
import { type ApiClient, connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { formatBytes } from '../output/format-value.ts';
import { parseAnswerFormat, printAnswer } from '../output/print-answer.ts';
import { withAnswer, withExample } from '../with-options.ts';

interface BundleOptions extends GlobalOptions {
  readonly out?: string;
  readonly output?: string;
}

interface VerifyOptions {
  readonly ca?: string;
  readonly key?: readonly string[];
}

/** `qfleet bundle` and `qfleet verify`: a run's evidence in one file, and whether it holds. */
export function addBundleCommands(program: Command, context: CliContext): void {
  const bundle = withAnswer(program.command('bundle [run]'))
    .description(
      'everything that a run’s report was computed from, signed by its devices, in one file (default: latest)',
    )
    .option('--out <file>', 'where to write it (default: RUN.zip)')
    .action(async (run = 'latest') => {
      const options = bundle.optsWithGlobals<BundleOptions>();
      const client = await connectToCoordinator(context, options);
      parseAnswerFormat(options.output);
      const path = await saveBundle(context, client, { run, out: options.out ?? `${run}.zip` });
      printAnswer(context, options, { path });
    });
  withExample(bundle, './qfleet bundle latest --out evidence.zip');
  const verify = withAnswer(program.command('verify <bundle>'))
    .description('hold a bundle against its digests and signatures, and compute its report anew, offline')
    .option(
      '--ca <file>',
      'the fleet’s authority (ca.crt): exit 1 where it has not certified the keys that signed',
    )
    .option('--key <file...>', 'keys or certificates of devices (PEM): exit 1 where another key signed')
    .action(async (file: string) => {
      const options = verify.optsWithGlobals<BundleOptions>();
      parseAnswerFormat(options.output);
      const { verifyBundle } = await import('../../bundle/verify-bundle.ts');
      const { describeVerification } = await import('../../bundle/describe-verification.ts');
      const trust = await readTrust(context, verify.opts<VerifyOptions>());
      const found = verifyBundle(await readFile(resolve(context.cwd, file)), trust);
      for (const line of describeVerification(found, trust)) say(context, line);
      const provenBy = { ca: trust.ca !== undefined, keys: trust.keys !== undefined };
      printAnswer(context, options, { ...found, provenBy });
    });
  withExample(verify, './qfleet verify evidence.zip --ca ca.crt');
}

async function readTrust(context: CliContext, { ca, key }: VerifyOptions): Promise<Trust> {
  const read = (file: string): Promise<string> => readFile(resolve(context.cwd, file), 'utf8');
  return {
    ...(ca !== undefined && { ca: await read(ca) }),
    ...(key !== undefined && { keys: await Promise.all(key.map(read)) }),
  };
}

/** Fetches a run's evidence and writes it, and says how to check it. Returns its path. */
export async function saveBundle(
  context: CliContext,
  client: ApiClient,
  { run, out }: { readonly run: string; readonly out: string },
): Promise<string> {
  const bytes = await client.getBytes(`/v1/runs/${encodeURIComponent(run)}/bundle`);
  const path = resolve(context.cwd, out);
  await writeFile(path, bytes);
  say(context, `Wrote ${path}, ${formatBytes(bytes.length)}. Anybody can check it: ./qfleet verify ${path}`);
  return path;
}
