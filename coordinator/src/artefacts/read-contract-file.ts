import { readFile } from 'node:fs/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { parse } from 'yaml';
import { contractFieldsSchema } from './contract-fields.ts';
import { type ContractFields, contractPresets } from './input-contract.ts';

/** Reads the fields of an input contract from a YAML or JSON file; throws `not-found`, `invalid-argument` with the field. */
export async function readContractFile(path: string): Promise<ContractFields> {
  return parseContractFields(
    await readFile(path, 'utf8').catch((error) => Promise.reject(QfleetError.from(error))),
    path,
  );
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

/** JSON is YAML. */
function parseYaml(text: string, what: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new QfleetError('invalid-argument', `${what} is neither YAML nor JSON: ${String(error)}`, {
      hint: 'Write lines such as `preset: imagenet`.',
      cause: error,
    });
  }
}
