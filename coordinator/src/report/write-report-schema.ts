import { writeFile } from 'node:fs/promises';
import { reportJsonSchema } from './report-json-schema.ts';

// Writes `report.schema.json` anew from the report's types: node coordinator/src/report/write-report-schema.ts

const path = new URL('report.schema.json', import.meta.url);
await writeFile(path, `${JSON.stringify(reportJsonSchema(), undefined, 2)}\n`);
