import { QfleetError } from '@qfleet/shared/errors.ts';
import { readUserFile } from '../files/open-user-file.ts';
import { parseYaml } from '../files/parse-yaml.ts';
import { contractFieldsSchema } from './contract-fields.ts';
import { type ContractFields, contractPresets } from './input-contract.ts';

/** A dozen short lines. */
const maxContractBytes = 65_536;

/** Reads the fields of an input contract from a YAML or JSON file; throws `not-found`, `invalid-argument` with the field. */
export async function readContractFile(path: string): Promise<ContractFields> {
  return parseContractFields((await readUserFile(path, maxContractBytes)).toString('utf8'), path);
}

/** The same from text; `what` names it in errors. */
export function parseContractFields(text: string, what: string): ContractFields {
  const parsed = contractFieldsSchema.safeParse(parseYaml(text, what) ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new QfleetError(
    'invalid-argument',
    `${what}${issue?.path.length ? `, ${issue.path.join('.')}` : ''}: ${issue?.message}`,
    {
      hint: `Fields: ${Object.keys(contractFieldsSchema.shape).join(', ')}; presets: ${Object.keys(contractPresets).join(', ')}.`,
    },
  );
}
