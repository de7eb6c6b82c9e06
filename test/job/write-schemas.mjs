// Writes jobs/job.schema.json and docs/json.schema.json from the built schemas: `npm run schema`. Tests keep them equal.
import { writeFileSync } from 'node:fs';
import { jobJsonSchema } from '../../build/job/job-schema.js';
import { jsonDocumentsSchema } from '../../build/report/json-schema.js';

const write = (path, schema) =>
  writeFileSync(new URL(`../../${path}`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
write('jobs/job.schema.json', jobJsonSchema());
write('docs/json.schema.json', jsonDocumentsSchema());
