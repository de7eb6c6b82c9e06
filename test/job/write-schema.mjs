// Writes jobs/job.schema.json from the built schema: `npm run build && node test/job/write-schema.mjs`, then
// `npx biome format --write jobs/job.schema.json`. A test keeps the two equal.
import { writeFileSync } from 'node:fs';
import { jobJsonSchema } from '../../dist/job/job-schema.js';

writeFileSync(new URL('../../jobs/job.schema.json', import.meta.url), `${JSON.stringify(jobJsonSchema(), null, 2)}\n`);
