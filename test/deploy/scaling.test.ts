import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { RUNS } from '../../src/fleet/boss.ts';
import { RunQueue } from '../../src/fleet/queue.ts';
import type { Submission } from '../../src/fleet/standing.ts';
import { silentLog } from '../../src/log.ts';
import { openTestDatabase, storeOf } from '../support/postgres.ts';
import { containerAppsProblems } from './container-apps-schema.ts';
import { at, list, readManifest, text } from './manifests.ts';

const FOLDER = 'jobs/deploy/kubernetes-workers';
const AZURE = 'jobs/deploy/azure/container-apps-workers.yaml';
const scaled = readManifest(`${FOLDER}/scaled-object.yaml`);
const authentication = readManifest(`${FOLDER}/trigger-authentication.yaml`);
const deployment = readManifest(`${FOLDER}/deployment.yaml`);
const app = readManifest(AZURE);
const trigger = at(scaled, 'spec.triggers.0');
const rule = at(app, 'properties.template.scale.rules.0.custom');

const name = { type: 'string', minLength: 1 };
const whole = { type: 'integer', minimum: 0 };

function closed(properties: Record<string, object>, required: readonly string[] = Object.keys(properties)): object {
  return { type: 'object', properties, required, additionalProperties: false };
}

const metadata = closed({ name, labels: { type: 'object', additionalProperties: name } });

/** The parts of KEDA's definitions (keda.sh/v1alpha1) and of its PostgreSQL scaler's metadata that are used here, reduced by hand. */
const ajv = new Ajv({ allErrors: true });
const isScaledObject = ajv.compile(
  closed({
    apiVersion: { const: 'keda.sh/v1alpha1' },
    kind: { const: 'ScaledObject' },
    metadata,
    spec: closed({
      scaleTargetRef: closed({ name, kind: name, apiVersion: name }, ['name']),
      ...{ pollingInterval: whole, minReplicaCount: whole, maxReplicaCount: whole },
      advanced: closed({
        horizontalPodAutoscalerConfig: closed({
          behavior: closed({
            scaleDown: closed({
              stabilizationWindowSeconds: { type: 'integer', minimum: 0, maximum: 3600 },
              policies: {
                type: 'array',
                items: closed({ type: { enum: ['Pods', 'Percent'] }, value: whole, periodSeconds: whole }),
              },
            }),
          }),
        }),
      }),
      triggers: {
        type: 'array',
        items: closed({
          type: { const: 'postgresql' },
          metadata: closed({ query: name, targetQueryValue: { type: 'string', pattern: '^\\d+$' } }),
          authenticationRef: closed({ name }),
        }),
      },
    }),
  }),
);
const isAuthentication = ajv.compile(
  closed({
    apiVersion: { const: 'keda.sh/v1alpha1' },
    kind: { const: 'TriggerAuthentication' },
    metadata,
    spec: closed({
      secretTargetRef: { type: 'array', items: closed({ parameter: { const: 'connection' }, name, key: name }) },
    }),
  }),
);

describe('workers by the length of the queue', () => {
  it('workers by the length of the queue fit the definitions of KEDA and of the platform', () => {
    expect([isScaledObject(scaled), isScaledObject.errors]).toEqual([true, null]);
    expect([isAuthentication(authentication), isAuthentication.errors]).toEqual([true, null]);
    expect(containerAppsProblems(app, 'app')).toEqual([]);
  });

  it('workers by the length of the queue are refused with a key that is not known', () => {
    expect(isScaledObject({ ...(scaled as object), spare: 'x' })).toBe(false);
    expect(isAuthentication({ ...(authentication as object), spare: 'x' })).toBe(false);
    const spare = structuredClone(app) as { properties: { template: Record<string, unknown> } };
    spare.properties.template['spare'] = 'x';
    expect(containerAppsProblems(spare, 'app')).toEqual([
      '/properties/template must NOT have additional properties (spare)',
    ]);
  });

  it('workers by the length of the queue name what the other manifests have', () => {
    expect(at(scaled, 'spec.scaleTargetRef.name')).toBe(at(deployment, 'metadata.name'));
    expect(at(trigger, 'authenticationRef.name')).toBe(at(authentication, 'metadata.name'));
    for (const container of [
      at(deployment, 'spec.template.spec.containers.0'),
      at(app, 'properties.template.containers.0'),
    ]) {
      const args = list(container, 'args').map(String);
      expect(args).toEqual(['worker', '--places', text(trigger, 'metadata.targetQueryValue'), '--port', '9464']);
    }
    expect(at(rule, 'type')).toBe(at(trigger, 'type'));
    expect(at(rule, 'metadata')).toEqual(at(trigger, 'metadata'));
    const secrets = list(app, 'properties.configuration.secrets').map((secret) => text(secret, 'name'));
    const used = [
      ...list(app, 'properties.template.containers.0.env').map((variable) => at(variable, 'secretRef')),
      at(rule, 'auth.0.secretRef'),
    ].filter((each) => each !== undefined);
    expect(used.sort()).toEqual(secrets.sort());
    expect(at(rule, 'auth.0.triggerParameter')).toBe(at(authentication, 'spec.secretTargetRef.0.parameter'));
  });

  it('workers by the length of the queue are counted by a query that a worker’s login may ask: runs that have a place or could have one', async () => {
    expect(text(trigger, 'metadata.query')).toContain(`name = '${RUNS}'`);
    await using database = await openTestDatabase();
    const pool = await database.connect();
    await using queue = await RunQueue.open(storeOf(pool), silentLog, 'client');
    const submission = (run: string): Submission => ({
      ...{ run, tenant: 'contoso.example' },
      ...{ takeovers: 0, idleTakeovers: 0, done: 0, waits: 0 },
    });
    const asked = async () => {
      const [row] = await pool.query(text(trigger, 'metadata.query'));
      return Number((row as { count?: unknown } | undefined)?.count);
    };
    expect(await asked()).toBe(0);
    for (const run of ['one', 'two', 'three', 'later', 'over']) await queue.submit(submission(run));
    await database.sql(
      "update countermand_queue.job set start_after = now() + interval '1 h' where singleton_key = 'later'",
    );
    await database.sql(
      "update countermand_queue.job set state = 'active', started_on = now() where singleton_key = 'one'",
    );
    await database.sql("update countermand_queue.job set state = 'completed' where singleton_key = 'over'");
    expect(await asked()).toBe(3);
  });
});
