import { existsSync, readdirSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { at, list, readManifest, readText, text } from './manifests.ts';

const FOLDER = '.github/workflows';
const PATHS = readdirSync(new URL(`../../${FOLDER}`, import.meta.url)).map((name) => `${FOLDER}/${name}`);

const word = { type: 'string', minLength: 1 };
const words = { type: 'object', additionalProperties: { type: ['string', 'boolean'] } };
const permissions = { type: 'object', additionalProperties: { enum: ['read', 'write'] }, minProperties: 1 };

function closed(properties: Record<string, object>, required: readonly string[]): object {
  return { type: 'object', properties, required, additionalProperties: false };
}

const step = {
  oneOf: [
    closed({ name: word, id: word, if: word, uses: word, with: words }, ['uses']),
    closed({ name: word, id: word, if: word, run: word, env: words }, ['run']),
  ],
};
const called = closed({ uses: { type: 'string', pattern: '^\\./\\.github/workflows/' }, needs: word }, ['uses']);
const ran = closed(
  {
    needs: word,
    'runs-on': word,
    'timeout-minutes': { type: 'integer', minimum: 1, maximum: 120 },
    permissions,
    strategy: closed(
      {
        'fail-fast': { type: 'boolean' },
        matrix: { type: 'object', additionalProperties: { type: 'array', items: word, minItems: 1 } },
      },
      ['matrix'],
    ),
    steps: { type: 'array', items: step, minItems: 1 },
  },
  ['runs-on', 'timeout-minutes', 'steps'],
);

/** What a workflow of ours consists of, reduced by hand from the documented syntax. Secrets, services and containers have no place in it. */
const fits = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
  closed(
    {
      name: word,
      on: closed({ push: { type: 'object' }, pull_request: { type: 'null' }, workflow_call: { type: 'null' } }, [
        'push',
      ]),
      permissions: { const: { contents: 'read' } },
      concurrency: { type: 'object' },
      jobs: { type: 'object', additionalProperties: { oneOf: [called, ran] }, minProperties: 1 },
    },
    ['name', 'on', 'permissions', 'jobs'],
  ),
);

const jobsOf = (path: string) => Object.entries(at(readManifest(path), 'jobs') as Record<string, unknown>);
const stepsOf = (path: string) =>
  jobsOf(path).flatMap(([, job]) => (at(job, 'steps') === undefined ? [] : list(job, 'steps')));
const scripts = Object.keys((JSON.parse(readText('package.json')) as { scripts: object }).scripts);

describe.each(PATHS)('%s', (path) => {
  it('a workflow is of the documented form, with no more than what ours need', () => {
    expect(fits(readManifest(path)), JSON.stringify(fits.errors, undefined, 1)).toBe(true);
  });

  it('a workflow pins each action by a commit, with its tag beside it', () => {
    const uses = readText(path)
      .split('\n')
      .filter((line) => /^\s*-? ?uses: (?!\.\/)/.test(line));
    expect(uses.length).toBeGreaterThan(0);
    for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('a workflow takes no secret, and hands its own token to nobody but the registry and the release', () => {
    expect(readText(path)).not.toMatch(/secrets[.[]|secrets: |pull_request_target|workflow_run/);
    for (const each of stepsOf(path)) {
      if (!JSON.stringify(each).includes('github.token')) continue;
      expect(at(each, 'uses') ?? at(each, 'name')).toMatch(/^docker\/login-action@|^the release$/);
    }
  });

  it('a workflow puts nothing that others wrote into a shell', () => {
    for (const each of stepsOf(path)) {
      if (at(each, 'run') !== undefined) expect(text(each, 'run')).not.toContain('${{');
      const env = at(each, 'env');
      if (env !== undefined) expect(JSON.stringify(env)).toMatch(/^\{"GH_TOKEN":"\$\{\{ github\.token \}\}"\}$/);
    }
  });

  it('a workflow leaves no credential in the checkout', () => {
    const checkouts = stepsOf(path).filter((each) => String(at(each, 'uses')).startsWith('actions/checkout@'));
    expect(checkouts.length).toBeGreaterThan(0);
    for (const each of checkouts) expect(at(each, 'with')).toEqual({ 'persist-credentials': false });
  });

  it('a workflow runs on systems with a version, and only scripts that are there', () => {
    expect(readText(path)).not.toMatch(/-latest\b/);
    for (const each of stepsOf(path)) {
      const run = String(at(each, 'run') ?? '');
      for (const [, name = ''] of run.matchAll(/npm run ([\w:-]+)/g)) expect(scripts).toContain(name);
      for (const [script] of run.matchAll(/\.ci\/[\w.-]+/g))
        expect(existsSync(new URL(`../../${script}`, import.meta.url))).toBe(true);
      for (const [folder] of run.matchAll(/\btest\/[\w/.-]+/g))
        expect(existsSync(new URL(`../../${folder}`, import.meta.url))).toBe(true);
    }
  });
});

describe('the workflows together', () => {
  it('the workflows use one commit of each action', () => {
    const pins = new Map<string, Set<string>>();
    for (const [, action = '', pin = ''] of PATHS.map(readText)
      .join('\n')
      .matchAll(/uses: ([\w-]+\/[\w-]+)@(.*)/g)) {
      pins.set(action, (pins.get(action) ?? new Set()).add(pin));
    }
    for (const [action, ofIt] of pins) expect([action, [...ofIt]]).toEqual([action, [expect.any(String)]]);
  });

  it('the workflows check on Node 20, 22 and 24, on Linux, Windows and macOS, by the one script where it runs', () => {
    const check = readManifest(`${FOLDER}/check.yaml`);
    for (const job of ['linux', 'elsewhere'])
      expect(list(check, `jobs.${job}.strategy.matrix.node`)).toEqual(['20', '22', '24']);
    expect(text(check, 'jobs.linux.runs-on')).toMatch(/^ubuntu-/);
    expect(list(check, 'jobs.elsewhere.strategy.matrix.system').map((name) => String(name).split('-')[0])).toEqual([
      'windows',
      'macos',
    ]);
    expect(list(check, 'jobs.linux.steps').map((each) => at(each, 'run'))).toContainEqual(
      expect.stringContaining('bash .ci/run'),
    );
  });

  it('the workflows may write only where something is published, and only after the check', () => {
    const writing = PATHS.flatMap((path) =>
      jobsOf(path)
        .filter(([, job]) => at(job, 'permissions') !== undefined)
        .map(([name]) => `${path} ${name}`),
    );
    expect(writing).toEqual([`${FOLDER}/release.yaml publish`]);
    const publish = at(readManifest(`${FOLDER}/release.yaml`), 'jobs.publish');
    // What is published was made after the check, and has run on each system.
    const release = readManifest(`${FOLDER}/release.yaml`);
    expect(['publish', 'try', 'make'].map((job) => at(release, `jobs.${job}.needs`))).toEqual(['try', 'make', 'check']);
    expect(list(release, 'jobs.try.strategy.matrix.system').map((name) => String(name).split('-')[0])).toEqual([
      'ubuntu',
      'windows',
      'macos',
      'macos',
    ]);
    for (const job of ['make', 'try', 'publish'])
      expect(JSON.stringify(at(release, `jobs.${job}.steps`)), job).toContain('"name":"release","path":"release"');
    expect(at(publish, 'permissions')).toEqual({
      contents: 'write',
      packages: 'write',
      'id-token': 'write',
      attestations: 'write',
    });
    expect(text(readManifest(`${FOLDER}/release.yaml`), 'jobs.check.uses')).toBe('./.github/workflows/check.yaml');
  });

  it('the workflows hand the image what its labels ask for', () => {
    const built = list(readManifest(`${FOLDER}/release.yaml`), 'jobs.publish.steps')
      .map((each) => String(at(each, 'run') ?? ''))
      .join('\n');
    const given = [...built.matchAll(/--build-arg "(\w+)=/g)].map(([, name]) => name);
    const asked = [...readText('Dockerfile').matchAll(/^ARG (\w+)=/gm)].map(([, name]) => name);
    expect(given.sort()).toEqual([...new Set(asked)].sort());
  });
});
