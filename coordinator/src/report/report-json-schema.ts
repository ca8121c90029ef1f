import * as z from 'zod';
import { reportSchema } from './report.ts';

/** The JSON Schema (draft 2020-12) of `report.json`; `report.schema.json` beside this file is its copy. */
export function reportJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(reportSchema, { target: 'draft-2020-12', reused: 'ref' });
  return { $id: 'urn:qfleet:report:1', title: 'qfleet report', ...schema };
}
