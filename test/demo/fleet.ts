import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAsyncDisposableStack } from '../../src/run/async-disposable-stack.ts';
import type { ActionSeed } from '../../src/sandbox/sandbox-action.ts';
import { startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { startAuthority } from '../support/authority.ts';
import { makeClientCertificate } from '../support/certificates.ts';
import { startPostgres } from '../support/postgres-server.ts';

/* A provider's bad morning in a minute, on this machine: a real PostgreSQL, a local Entra and a local Defender that counts each tenant's quota strictly. */

/** Microsoft's own examples of customers. */
const TENANTS = [
  'contoso.com',
  'fabrikam.com',
  'tailspintoys.com',
  'adatum.com',
  'northwindtraders.com',
  'wingtiptoys.com',
  'woodgrovebank.com',
  'litware.com',
  'proseware.com',
  'treyresearch.net',
  'fourthcoffee.com',
  'lucernepublishing.com',
];
const ACTIONS = 60;
const WORKERS = 3;
const CAMPAIGN = 'wrong-rule';
const APPLICATION = '99999999-dddd-4eee-8fff-000000000000';
/** As Defender's quota is, in small; each tenant has its own. */
const WINDOWS = '8/1s,60/10s';
const KILL_AFTER_DONE = 0.3;
const LOOK_EVERY_MS = 500;

const idOf = (tenant: number, n: number) =>
  `${String(tenant + 1).padStart(8, '0')}-0000-4000-8000-${String(n).padStart(12, '0')}`;

type Environment = Record<string, string | undefined>;

/** Resolves to the exit code: 0 where every action of every tenant was cancelled once. */
export async function main(root: string): Promise<number> {
  const stack = makeAsyncDisposableStack();
  try {
    return await demo(root, (close) => stack.defer(async () => void (await close())));
  } finally {
    await stack.disposeAsync();
  }
}

async function demo(root: string, defer: (close: () => Promise<unknown>) => void): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'countermand-fleet-'));
  const use = <T extends AsyncDisposable>(opened: T): T => {
    defer(() => Promise.resolve(opened[Symbol.asyncDispose]()));
    return opened;
  };
  say('A PostgreSQL server, an authority and a Defender are started on this machine.');
  const server = use(await startPostgres());
  const authority = use(await startAuthority());
  const certificate = await makeClientCertificate(authority.dir, 'provider');
  authority.register(await readFile(certificate.certFile, 'utf8'));
  for (const tenant of TENANTS) authority.tenants.set(tenant, new Map([[APPLICATION, undefined]]));
  const actions: ActionSeed[] = TENANTS.flatMap((_, tenant) =>
    Array.from({ length: ACTIONS }, (_, n) => ({ id: idOf(tenant, n), type: 'Isolate' })),
  );
  const windows = WINDOWS.split(',').map((text) => {
    const [calls, seconds] = text.split('/');
    return { calls: Number(calls), perMs: 1000 * Number.parseInt(seconds ?? '', 10) };
  });
  const accepts = (token: string) => authority.secrets.has(token);
  const sandbox = use(await startSandbox({ actions, quota: { windows }, access: { accepts } }));
  sandbox.latencyMs = 50;

  for (const [n, tenant] of TENANTS.entries()) {
    const ids = actions.slice(n * ACTIONS, (n + 1) * ACTIONS).map(({ id }) => id);
    await writeFile(join(folder, `${tenant}.csv`), `id\n${ids.join('\n')}\n`);
  }
  const rows = TENANTS.map((tenant) => `${tenant},${tenant}.csv`);
  await writeFile(join(folder, 'tenants.csv'), `tenant,source\n${rows.join('\n')}\n`);
  // Few calls under way of each, so that a worker that is killed holds few of its tenants' slots.
  const job = ['source: { file: contoso.com.csv }', "comment: 'INC-4711: the rule misfired'", 'concurrency: 2'];
  await writeFile(join(folder, 'job.yaml'), `${job.join('\n')}\n`);
  const env: Environment = {
    ...process.env,
    COUNTERMAND_STORE: `postgres://${server.user}@${server.host}:${server.port}/postgres`,
    COUNTERMAND_STORE_PASSWORD: server.password,
    COUNTERMAND_API_URL: sandbox.url,
    COUNTERMAND_AUTHORITY_URL: authority.url,
    COUNTERMAND_QUOTA: WINDOWS,
    NODE_EXTRA_CA_CERTS: authority.caFile,
    AZURE_CLIENT_ID: APPLICATION,
    AZURE_CLIENT_CERTIFICATE_PATH: certificate.certFile,
    AZURE_CLIENT_CERTIFICATE_KEY_PATH: certificate.keyFile,
    AZURE_TENANT_ID: undefined,
    COUNTERMAND_TOKEN: undefined,
  };
  const { run, start } = commands(join(root, 'dist/main.js'), folder, env);

  await run(['store', 'init']);
  const workers: Started[] = [];
  for (let n = 1; n <= WORKERS; n++) workers.push(start(['worker', '--places', '6'], join(folder, `worker-${n}.log`)));
  defer(() => Promise.all(workers.map((worker) => worker.end())));
  const planned = await run(['campaign', 'plan', 'tenants.csv', 'job.yaml', '--name', CAMPAIGN, '--wait']);
  if (planned !== 0) return planned;
  await run(['campaign', 'run', CAMPAIGN, '--yes']);

  const watch = start(['status', CAMPAIGN, '--watch'], undefined);
  const cancelled = () => sandbox.log.entries.filter(({ effect }) => effect).length;
  let killed = false;
  while (cancelled() < actions.length && workers.some((worker) => worker.isAlive())) {
    await sleep(LOOK_EVERY_MS);
    if (!killed && cancelled() >= actions.length * KILL_AFTER_DONE) {
      killed = true;
      workers[0]?.kill();
    }
  }
  let ended = false;
  while (!ended) {
    const { runs } = JSON.parse(await start(['status', CAMPAIGN, '--json'], 'captured').text()) as {
      runs: { state: string }[];
    };
    ended = runs.every(({ state }) => state === 'finished');
    await sleep(LOOK_EVERY_MS);
  }
  await watch.end('SIGINT');
  say('\nThe first worker was killed (kill -9) when a third was done; the others have gone on with its runs.\n');
  const reported = await run(['report', CAMPAIGN, '--out', 'report']);

  const { entries } = sandbox.log;
  const effects = entries.filter(({ effect }) => effect).flatMap((entry) => entry.ids);
  const refused = entries.filter(({ overQuota }) => overQuota).length;
  const twice = entries.filter(({ route }) => route === 'cancel').length - new Set(effects).size;
  say(
    [
      '',
      `By Defender's own count: ${new Set(effects).size} of ${actions.length} actions cancelled, ${twice} cancels too many, ${refused} calls over a quota.`,
      `The report:  ${relative(process.cwd(), join(folder, 'report', 'campaign.html'))} (open it in a browser)`,
      `The logs:    ${relative(process.cwd(), folder)}/worker-1.log and beside it`,
    ].join('\n'),
  );
  return reported === 0 && new Set(effects).size === actions.length && twice === 0 && refused === 0 ? 0 : 1;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

interface Started {
  kill(): void;
  isAlive(): boolean;
  /** What it writes to stdout, whole. */
  text(): Promise<string>;
  end(signal?: NodeJS.Signals): Promise<void>;
}

function commands(program: string, cwd: string, env: Environment) {
  const start = (args: readonly string[], to: string | undefined): Started => {
    const isShown = to === undefined;
    if (isShown) say(`\n$ countermand ${args.join(' ')}`);
    const child = spawn(process.execPath, [program, ...args], {
      ...{ cwd, env },
      stdio: isShown ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    const closed = once(child, 'close');
    let out = '';
    if (to === 'captured') child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
    else if (to !== undefined) child.stderr?.pipe(createWriteStream(to));
    return {
      kill: () => void child.kill('SIGKILL'),
      isAlive: () => child.exitCode === null && child.signalCode === null,
      text: async () => {
        await closed;
        return out;
      },
      end: async (signal = 'SIGTERM') => {
        child.kill(signal);
        await closed;
      },
    };
  };
  const run = async (args: readonly string[]): Promise<number> => {
    say(`\n$ countermand ${args.join(' ')}`);
    const child = spawn(process.execPath, [program, ...args], { cwd, env, stdio: 'inherit' });
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? 1;
  };
  return { run, start };
}
