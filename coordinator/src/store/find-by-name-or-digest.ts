import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ArtefactRow } from './schema.ts';
import type { Scope } from './scope.ts';

const prefixPattern = /^[0-9a-f]{6,64}$/;

/** The row of that name, else of that digest or unambiguous digest prefix; throws `invalid-argument` where two begin so. */
export async function findByNameOrDigest(
  scope: Scope,
  table: 'models' | 'datasets' | 'imports',
  nameOrDigest: string,
): Promise<ArtefactRow | undefined> {
  const all = scope.db.selectFrom(table).selectAll();
  const named = await all.where('name', '=', nameOrDigest).executeTakeFirst();
  if (named || !prefixPattern.test(nameOrDigest)) return named;
  const rows = await all.where('digest', 'like', `${nameOrDigest}%`).limit(2).execute();
  if (rows.length > 1) {
    const found = rows.map((row) => row.name).join(' and ');
    throw new QfleetError('invalid-argument', `The digest ${nameOrDigest}… is ambiguous: ${found}.`, {
      hint: 'Give more digits, or the name.',
    });
  }
  return rows[0];
}
