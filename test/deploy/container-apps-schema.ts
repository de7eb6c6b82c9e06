import { Ajv } from 'ajv';

/**
 * The parts of the resources Microsoft.App/jobs and containerApps that a scheduled job and workers use, reduced by hand from their REST definitions of
 * 2024-03-01 (Jobs.json, ContainerApps.json, CommonDefinitions.json, and ManagedServiceIdentity of the common types). Other keys are refused, as the
 * service does.
 */
const texts = { type: 'array', items: { type: 'string' } };

function closed(properties: Record<string, object>, required: readonly string[] = Object.keys(properties)): object {
  return { type: 'object', properties, required, additionalProperties: false };
}

function listOf(items: object): object {
  return { type: 'array', items, minItems: 1 };
}

const text = { type: 'string', minLength: 1 };
const whole = { type: 'integer', minimum: 0 };

const secrets = listOf(closed({ name: text, value: text, identity: text, keyVaultUrl: text }, ['name']));

const configuration = closed(
  {
    triggerType: { enum: ['Schedule', 'Event', 'Manual'] },
    replicaTimeout: whole,
    replicaRetryLimit: whole,
    scheduleTriggerConfig: closed({ cronExpression: text, parallelism: whole, replicaCompletionCount: whole }),
    secrets,
    registries: listOf(closed({ server: text, username: text, passwordSecretRef: text, identity: text }, ['server'])),
  },
  ['triggerType', 'replicaTimeout'],
);

const probe = closed(
  {
    type: { enum: ['Liveness', 'Readiness', 'Startup'] },
    httpGet: closed({ path: text, port: whole, scheme: { enum: ['HTTP', 'HTTPS'] } }, ['port']),
    initialDelaySeconds: { type: 'integer', minimum: 0, maximum: 60 },
    periodSeconds: { type: 'integer', minimum: 1, maximum: 240 },
    timeoutSeconds: { type: 'integer', minimum: 1, maximum: 240 },
    failureThreshold: { type: 'integer', minimum: 1, maximum: 10 },
  },
  ['type', 'httpGet'],
);

const container = closed(
  {
    probes: listOf(probe),
    name: text,
    image: text,
    command: texts,
    args: texts,
    env: listOf(closed({ name: text, value: text, secretRef: text }, ['name'])),
    resources: closed({ cpu: { type: 'number' }, memory: { type: 'string', pattern: '^[\\d.]+Gi$' } }),
    volumeMounts: listOf(closed({ volumeName: text, mountPath: text, subPath: text }, ['volumeName', 'mountPath'])),
  },
  ['name', 'image'],
);

const volume = closed(
  {
    name: text,
    storageType: { enum: ['AzureFile', 'EmptyDir', 'Secret'] },
    storageName: text,
    mountOptions: text,
    secrets: listOf(closed({ secretRef: text, path: text }, ['secretRef'])),
  },
  ['name'],
);

const scale = closed({
  minReplicas: whole,
  maxReplicas: { type: 'integer', minimum: 1, maximum: 1000 },
  rules: listOf(
    closed({
      name: text,
      custom: closed({
        type: text,
        metadata: { type: 'object', additionalProperties: text },
        auth: listOf(closed({ secretRef: text, triggerParameter: text })),
      }),
    }),
  ),
});

const identity = closed({
  type: { enum: ['None', 'SystemAssigned', 'UserAssigned', 'SystemAssigned,UserAssigned'] },
  userAssignedIdentities: { type: 'object', minProperties: 1, additionalProperties: closed({}) },
});

function resource(properties: Record<string, object>): object {
  return closed({
    location: text,
    identity,
    properties: closed({ environmentId: text, workloadProfileName: text, ...properties }, [
      'environmentId',
      ...Object.keys(properties),
    ]),
  });
}

const ajv = new Ajv({ allErrors: true });
const RESOURCES = {
  job: ajv.compile(
    resource({ configuration, template: closed({ containers: listOf(container), volumes: listOf(volume) }) }),
  ),
  app: ajv.compile(
    resource({
      configuration: closed({ activeRevisionsMode: { enum: ['Single', 'Multiple'] }, secrets }),
      template: closed({ terminationGracePeriodSeconds: whole, containers: listOf(container), scale }),
    }),
  ),
};

/** What the reduced definition has against a Container Apps job or app, as sentences; none when it fits. */
export function containerAppsProblems(manifest: unknown, kind: keyof typeof RESOURCES = 'job'): string[] {
  const fits = RESOURCES[kind];
  if (fits(manifest)) return [];
  return (fits.errors ?? []).map(({ instancePath, message, params }) => {
    const extra = 'additionalProperty' in params ? ` (${params['additionalProperty']})` : '';
    return `${instancePath} ${message}${extra}`;
  });
}
