/**
 * Opens a ledger when told to by a line on stdin, says `open` or the exit code of the refusal, and keeps it until stdin ends.
 *
 *   node contend.mjs LEDGER
 */
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { systemClock } from '../../../../build/clock.js';
import { resolveJob } from '../../../../build/job/resolve-job.js';
import { silentLog } from '../../../../build/log.js';
import { fileDisk } from '../../../../build/store/folder/file-disk.js';
import { FolderStore } from '../../../../build/store/folder/folder-store.js';

const job = resolveJob({
  sourceArg: '-',
  flags: {},
  env: { AZURE_TENANT_ID: 'tenant.example', AZURE_CLIENT_ID: '22222222-2222-4222-8222-222222222222' },
  cwd: tmpdir(),
  nowMs: Date.now(),
});
const open = { tool: 'countermand', tenant: job.tenant, client: job.clientId, api: 'https://localhost', job };
const store = new FolderStore({ disk: fileDisk, clock: systemClock, log: silentLog });
console.log('ready');
await once(process.stdin, 'data');
try {
  const held = await store.hold({ name: process.argv[2] });
  const ledger = await held.begin({ open });
  await ledger.assertHeld();
  console.log('open');
  await once(process.stdin.resume(), 'end');
  await ledger.assertHeld();
  await ledger[Symbol.asyncDispose]();
} catch (error) {
  console.log(String(error.exitCode ?? error.stack));
}
