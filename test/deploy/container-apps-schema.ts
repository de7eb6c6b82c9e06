import { Ajv } from 'ajv';

/**
 * The part of the resource Microsoft.App/jobs that a scheduled job uses, reduced by hand from its REST definition of 2024-03-01
 * (Jobs.json, CommonDefinitions.json, and ManagedServiceIdentity of the common types). Other keys are refused, as the service does.
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

const configuration = closed(
  {
    triggerType: { enum: ['Schedule', 'Event', 'Manual'] },
    replicaTimeout: whole,
    replicaRetryLimit: whole,
    scheduleTriggerConfig: closed({ cronExpression: text, parallelism: whole, replicaCompletionCount: whole }),
    secrets: listOf(closed({ name: text, value: text, identity: text, keyVaultUrl: text }, ['name'])),
    registries: listOf(closed({ server: text, username: text, passwordSecretRef: text, identity: text }, ['server'])),
  },
  ['triggerType', 'replicaTimeout'],
);

const container = closed(
  {
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

const schema = closed({
  location: text,
  identity: closed({
    type: { enum: ['None', 'SystemAssigned', 'UserAssigned', 'SystemAssigned,UserAssigned'] },
    userAssignedIdentities: { type: 'object', minProperties: 1, additionalProperties: closed({}) },
  }),
  properties: closed(
    {
      environmentId: text,
      workloadProfileName: text,
      configuration,
      template: closed({ containers: listOf(container), volumes: listOf(volume) }),
    },
    ['environmentId', 'configuration', 'template'],
  ),
});

const fits = new Ajv({ allErrors: true }).compile(schema);

/** What the reduced definition has against a Container Apps job, as sentences; none when it fits. */
export function containerAppsProblems(manifest: unknown): string[] {
  if (fits(manifest)) return [];
  return (fits.errors ?? []).map(({ instancePath, message, params }) => {
    const extra = 'additionalProperty' in params ? ` (${params['additionalProperty']})` : '';
    return `${instancePath} ${message}${extra}`;
  });
}
