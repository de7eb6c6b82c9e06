import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { at, list, readManifest, readText, text } from './manifests.ts';

// What stands beside the manifests, in comments and on pages, and is typed by hand: nothing but a reader would find that it names something else.

const FOLDERS = ['kubernetes', 'kubernetes-workers', 'azure', 'prometheus'].map((name) => `jobs/deploy/${name}`);
const PATHS = FOLDERS.flatMap((folder) =>
  readdirSync(new URL(`../../${folder}`, import.meta.url)).map((name) => `${folder}/${name}`),
);
const MANIFESTS = PATHS.filter((path) => path.includes('/kubernetes') && !path.endsWith('kustomization.yaml')).map(
  (path) => ({ path, content: readManifest(path) }),
);
const TEXTS = ['README.md', 'docs/operations.md', 'docs/sign-in.md', 'Dockerfile', ...PATHS].map((path) => ({
  path,
  text: readText(path).replaceAll(/\\\n\s*(?:#\s*)?/g, ' '),
}));

/** Every match over pages, comments and manifests, with its file. */
function found(pattern: RegExp): { path: string; match: RegExpMatchArray }[] {
  return TEXTS.flatMap(({ path, text: all }) => [...all.matchAll(pattern)].map((match) => ({ path, match })));
}

/** Every value of a key, wherever it stands in the manifests. */
function valuesOf(key: string, value: unknown = MANIFESTS.map(({ content }) => content)): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [...(name === key ? [inner] : []), ...valuesOf(key, inner)]);
}

function named(kind: string): string[] {
  return MANIFESTS.filter(({ content }) => at(content, 'kind') === kind).map(({ content }) =>
    String(at(content, 'metadata.name')),
  );
}

describe('lines that are typed by hand', () => {
  it('a line that makes a secret names one that the manifests use, with just its keys, and there is one for each', () => {
    const made = new Map<string, string[]>();
    for (const { path, match } of found(/create secret generic (\S+)((?: --from-\w+=\S+)+)/g)) {
      const keys = [...(match[2] ?? '').matchAll(/--from-(?:literal|file)=(\w+)/g)].map(([, key = '']) => key);
      expect(made.get(match[1] ?? '') ?? keys, path).toEqual(keys);
      made.set(match[1] ?? '', keys.sort());
    }
    const used = new Map<string, Set<string>>();
    const use = (name: unknown, key: unknown) =>
      used.set(String(name), (used.get(String(name)) ?? new Set()).add(String(key)));
    for (const reference of valuesOf('secretKeyRef')) use(at(reference, 'name'), at(reference, 'key'));
    for (const secret of valuesOf('secret'))
      for (const item of list(secret, 'items')) use(at(secret, 'secretName'), at(item, 'key'));
    for (const target of valuesOf('secretTargetRef').flat()) use(at(target, 'name'), at(target, 'key'));
    expect([...made].sort()).toEqual([...used].map(([name, keys]) => [name, [...keys].sort()]).sort());
  });

  it('a line names a Deployment, a CronJob and labels that are there', () => {
    const kinds = { deployment: named('Deployment'), cronjob: named('CronJob') };
    const lines = found(/\b(deployment|cronjob)\/([\w-]+)/g);
    expect(lines.length).toBeGreaterThan(2);
    for (const { path, match } of lines) expect(kinds[match[1] as keyof typeof kinds], path).toContain(match[2]);
    const components = valuesOf('app.kubernetes.io/component');
    const chosen = found(/ -l app\.kubernetes\.io\/component=([\w-]+)/g);
    expect(chosen.length).toBeGreaterThan(1);
    for (const { path, match } of chosen) expect(components, path).toContain(match[1]);
  });

  it('a line names files and folders that are there, and says the namespace wherever a manifest does not', () => {
    const lines = found(/\b(kubectl|az) [^\n`]*/g);
    for (const { path, match } of lines)
      for (const [, file = ''] of match[0].matchAll(/ (?:-f|-k|--yaml|--template-file) (jobs\/\S+)/g))
        expect(existsSync(new URL(`../../${file.replace(/[`).]+$/, '')}`, import.meta.url)), `${path}: ${file}`).toBe(
          true,
        );
    const without = lines.filter(
      ({ match: [line] }) =>
        /^kubectl (create|apply|logs|scale|get|delete) /.test(line) && !/ -k | namespace | -f -/.test(line),
    );
    expect(without.map(({ match }) => match[0])).toEqual([]);
  });

  it('every ConfigMap that a manifest mounts is a manifest, or is made by a line', () => {
    const made = found(/create configmap (\S+)/g).map(({ match }) => match[1]);
    const mounted = valuesOf('configMap').map((map) => text(map, 'name'));
    expect(mounted.length).toBeGreaterThan(2);
    for (const name of mounted) expect([...named('ConfigMap'), ...made]).toContain(name);
    for (const name of made) expect(mounted).toContain(name);
  });

  it('every file that is run below /jobs is a key of the ConfigMap', () => {
    const keys = Object.keys(at(readManifest('jobs/deploy/kubernetes/configmap.yaml'), 'data') as object);
    const ours = found(/(?<![\w.])\/jobs\/([\w-]+\.yaml)/g);
    expect(ours.length).toBeGreaterThan(4);
    for (const { path, match } of ours) expect([...keys, 'nightly.yaml'], path).toContain(match[1]);
  });

  it('a password is read where its secret is mounted', () => {
    for (const spec of valuesOf('containers').flat()) {
      const env = at(spec, 'env');
      if (!Array.isArray(env)) continue;
      for (const variable of env) {
        if (at(variable, 'name') !== 'COUNTERMAND_STORE_PASSWORD_FILE') continue;
        const mount = list(spec, 'volumeMounts').find((each) => at(each, 'name') === 'store');
        expect(at(variable, 'value')).toBe(`${text(mount, 'mountPath')}/password`);
      }
    }
  });

  it('the names of Azure’s resources are those of the other files', () => {
    const yaml = found(/az containerapp (?:job )?create --resource-group (\S+) --name (\S+) --yaml (\S+)/g);
    expect(yaml.map(({ match }) => [match[2], match[3]]).sort()).toEqual([
      [named('CronJob').sort()[0], 'jobs/deploy/azure/container-apps-job.yaml'],
      ['countermand-workers', 'jobs/deploy/azure/container-apps-workers.yaml'],
    ]);
    for (const { match } of yaml) expect(['countermand', 'GROUP']).toContain(match[1]);
    const mounted = /storageName: (\S+)/.exec(readText('jobs/deploy/azure/container-apps-job.yaml'))?.[1];
    for (const { match } of found(/--(?:storage-name|azure-file-share-name) (\S+)/g)) expect(match[1]).toBe(mounted);
  });
});

describe('numbers that stand in several places', () => {
  const worker = list(
    readManifest('jobs/deploy/kubernetes-workers/deployment.yaml'),
    'spec.template.spec.containers.0.args',
  );
  const argument = (flag: string) => String(worker[worker.indexOf(flag) + 1]);

  it.each<[string, RegExp, string]>([
    [
      'the port of a worker',
      /(?:--port[ ,']+|\b(?:containerPort|port): '?|prometheus\.io\/port: '|127\.0\.0\.1:)(9\d{3})/g,
      argument('--port'),
    ],
    ['how many places a worker has', /--places[ ,']+(\d+)/g, argument('--places')],
    ['the user of the image', /(?:runAsUser: |runAsGroup: |fsGroup: |uid=|gid=|the user )(\d+)/g, '1000'],
    [
      'the oldest PostgreSQL',
      /PostgreSQL(?: database,)? (\d+)(?: or newer|,)|a PostgreSQL database, (\d+) or newer/g,
      '15',
    ],
    ['the folder of the ledgers in a container', /-v [\w-]*ledgers:(\S+)/g, '/ledgers'],
    ['the volume of the ledgers in a container', /-v ([\w-]*ledgers):/g, 'countermand-ledgers'],
  ])('one number stands for %s', (_what, pattern, expected) => {
    const numbers = found(pattern);
    expect(numbers.length).toBeGreaterThan(1);
    for (const { path, match } of numbers) expect(match[1] ?? match[2], path).toBe(expected);
  });

  it('the versions of what comes along are those that are built in', () => {
    const lock = JSON.parse(readText('package-lock.json')) as {
      version: string;
      packages: Record<string, { version: string }>;
    };
    const { version } = JSON.parse(readText('package.json')) as { version: string };
    expect([lock.version, lock.packages['']?.version]).toEqual([version, version]);
    const page = readText('docs/operations.md');
    const boss = lock.packages['node_modules/pg-boss']?.version.split('.')[0];
    expect(/\[pg-boss\]\(\S+\) (\d+) in/.exec(page)?.[1]).toBe(boss);
    const node = /NODE_VERSION = '(\d+)\./.exec(readText('packaging/targets.mjs'))?.[1];
    expect(/with Node\.js (\d+) in it/.exec(page)?.[1]).toBe(node);
    const targets = [...readText('packaging/targets.mjs').matchAll(/^ {2}'([\w-]+)': \{/gm)].map(
      ([, target]) => target,
    );
    const archives = [...page.matchAll(/`(?:countermand-[\d.]+)?-((?:linux|windows|macos)-\w+)\.tar\.gz`/g)];
    expect(archives.map(([, target]) => target).sort()).toEqual(targets.sort());
  });
});

describe('recipes', () => {
  const page = readText('docs/operations.md');

  it('the recipe for a command in a cluster changes the arguments of the nightly job, and nothing that is not there', () => {
    const path = /jq '\.([\w.[\]]+) = \[/.exec(page)?.[1] ?? '';
    const where = path.replaceAll(/\[(\d+)\]/g, '.$1');
    expect(where).toBe('spec.template.spec.containers.0.args');
    const cron = readManifest('jobs/deploy/kubernetes/cronjob.yaml');
    expect(list(cron, `spec.jobTemplate.${where}`)[0]).toBe('run');
    const lists = [...page.matchAll(/(?:args = |`)(\["(?:check|status|report|resume)"[^\]]*\])/g)].map(
      ([, one = '']) => one,
    );
    expect(lists.map((one) => (parse(one) as string[])[0])).toEqual(['check', 'status', 'report', 'resume']);
  });

  it('the health of a worker in a container is what it answers', async () => {
    const command = /--health-cmd '(node -e .+)'/.exec(page)?.[1] ?? '';
    let code = 200;
    const server = createServer((request, response) =>
      response.writeHead(request.url === '/readyz' ? code : 404).end(),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const asked = () => promisify(execFile)('/bin/sh', ['-c', command.replace('9464', String(port))]);
    await expect(asked()).resolves.toBeDefined();
    code = 503;
    await expect(asked()).rejects.toMatchObject({ code: 1 });
    await new Promise((resolve) => server.close(resolve));
    await expect(asked()).rejects.toMatchObject({ code: 1 });
  });
});
