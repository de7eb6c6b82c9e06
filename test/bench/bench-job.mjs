import { tmpdir } from 'node:os';
import { resolveJob } from '../../build/job/resolve-job.js';

const API = 'https://localhost';
const job = resolveJob({
  sourceArg: '-',
  flags: { comment: 'bench' },
  env: {
    COUNTERMAND_API_URL: API,
    AZURE_TENANT_ID: '5a0dbc0c-7d53-4e1c-9f6e-000000000001',
    AZURE_CLIENT_ID: '5a0dbc0c-7d53-4e1c-9f6e-000000000002',
  },
  cwd: tmpdir(),
  nowMs: Date.now(),
});
/** What the sessions of a bench are begun with. */
export const OPEN = {
  tool: 'countermand bench',
  tenant: job.tenant,
  client: job.clientId,
  api: API,
  job,
};
