import { resolve } from 'node:path';
import type { ContractFields, ContractPreset } from '../artefacts/input-contract.ts';
import { parseContractFields, readContractFile } from '../artefacts/read-contract-file.ts';
import type { CliContext } from './cli-context.ts';

/** What `--contract FILE` and `--preset NAME` say of the input contract; undefined where neither is given. Throws `invalid-argument`, `not-found`. */
export async function readContract(
  context: Pick<CliContext, 'cwd'>,
  { contract, preset }: { readonly contract?: string; readonly preset?: string },
): Promise<ContractFields | undefined> {
  const written = contract === undefined ? undefined : await readContractFile(resolve(context.cwd, contract));
  if (preset === undefined) return written;
  const { preset: checked } = parseContractFields(JSON.stringify({ preset }), '--preset');
  return { ...written, preset: checked as ContractPreset };
}
