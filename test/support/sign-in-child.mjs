/**
 * A process of its own that signs in with a client secret over the real dispatcher and says what came of it: only a
 * process that is started with NODE_EXTRA_CA_CERTS obeys it. It runs the built code, because Node 20 runs no TypeScript.
 */
import { systemClock } from '../../build/clock.js';
import { makeDispatcher } from '../../build/http/dispatcher.js';
import { clientSecretSource } from '../../build/identity/kinds/client-secret.js';
import { silentLog } from '../../build/log.js';

const { env } = process;
const dispatcher = makeDispatcher({ env });
const source = clientSecretSource({
  target: {
    tenant: env.TEST_TENANT,
    clientId: env.TEST_CLIENT_ID,
    authorityUrl: env.TEST_AUTHORITY,
    scope: env.TEST_SCOPE,
  },
  env,
  dispatcher,
  clock: systemClock,
  log: silentLog,
  prompt: () => undefined,
});
try {
  await source.acquire({}, new AbortController().signal);
  process.stdout.write('signed in');
} catch (error) {
  if (error.exitCode === undefined) throw error;
  process.stdout.write(`${error.exitCode}: ${error.message}`);
} finally {
  await dispatcher.destroy();
}
