import { afterAll, beforeAll } from 'vitest';
import { silentLog } from '../../../src/log.ts';
import { openQuota } from '../../../src/store/postgres/quota.ts';
import { QuotaScope, USE_MS } from '../../../src/store/postgres/quota-scope.ts';
import { type MadeQuota, type QuotaSetup, type QuotaSubject, quotaSuite } from '../../quota/suite.ts';
import { trapSuite } from '../../quota/trap-suite.ts';
import { openVirtualDatabase, type VirtualDatabase, type VirtualProcess } from './virtual-database.ts';

let database: VirtualDatabase;
let process: VirtualProcess;
let senders = 0;

beforeAll(async () => {
  database = await openVirtualDatabase();
  process = database.connect();
});
afterAll(() => database[Symbol.asyncDispose]());

const subject: QuotaSubject = {
  name: 'the quota in PostgreSQL',
  make: async ({ windows, share = 1, routes = 'shared', past = [], clock }: QuotaSetup): Promise<MadeQuota> => {
    const sender = { tenant: `tenant-${++senders}`, client: 'client', api: 'https://api.securitycenter.microsoft.com' };
    const longestMs = Math.max(...windows.map(({ perMs }) => perMs));
    const { scope } = await QuotaScope.open(process, sender, { longestMs, run: '' }, { clock, log: silentLog });
    await scope.fill('', [], past);
    const quota = await openQuota(process, sender, { windows, share, routes }, { log: silentLog }, clock);
    return {
      quota,
      lapse: async (_slot, pass) => {
        process.isCutOff = true;
        await pass(USE_MS);
        process.isCutOff = false;
      },
      [Symbol.asyncDispose]: () => quota[Symbol.asyncDispose](),
    };
  },
  settled: () => database.settled(),
  lateMs: 20,
  runs: 30,
};

quotaSuite(subject);
trapSuite(subject);
