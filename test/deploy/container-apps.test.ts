import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseDuration } from '../../src/duration.ts';
import { bicepResource } from './bicep.ts';
import { containerAppsProblems } from './container-apps-schema.ts';
import { at, list, readManifest, readText, text } from './manifests.ts';

const PATH = 'jobs/deploy/azure/container-apps-job.yaml';
const manifest = readManifest(PATH);
const configuration = at(manifest, 'properties.configuration');
const template = at(manifest, 'properties.template');
const container = at(template, 'containers.0');
const jobText = text(configuration, 'secrets.0.value');

describe('the Azure Container Apps job', () => {
  it('the Azure Container Apps job fits the definition of the resource', () => {
    expect(containerAppsProblems(manifest)).toEqual([]);
  });

  it.each([
    [
      'replicaRetryLimit: 0',
      'replicaRetries: 0',
      '/properties/configuration must NOT have additional properties (replicaRetries)',
    ],
    [
      'volumeName: ledgers',
      'name: ledgers',
      '/properties/template/containers/0/volumeMounts/0 must NOT have additional properties (name)',
    ],
    [
      'storageType: AzureFile',
      'storageType: AzureDisk',
      '/properties/template/volumes/0/storageType must be equal to one of the allowed values',
    ],
  ])(
    'the Azure Container Apps job is refused with a key or value that the resource does not have: %s as %s',
    (from, to, problem) => {
      expect(containerAppsProblems(parse(readText(PATH).replace(from, to)))).toContain(problem);
    },
  );

  it('the Azure Container Apps job runs once at a time, and never again by itself: the platform cannot tell a stop by a guard from an interruption', () => {
    expect(configuration).toMatchObject({
      triggerType: 'Schedule',
      replicaRetryLimit: 0,
      scheduleTriggerConfig: { parallelism: 1, replicaCompletionCount: 1 },
    });
  });

  it('the Azure Container Apps job gives the job more time than it takes for itself', () => {
    const ownMs = parseDuration(text(parse(jobText), 'guards.maxDuration'));
    expect(ownMs).toBeTypeOf('number');
    expect(at(configuration, 'replicaTimeout')).toBeGreaterThan(Number(ownMs) / 1000);
  });

  it('the Azure Container Apps job holds the nightly job just as it lies in jobs/, where its arguments look for it', () => {
    expect(parse(jobText)).toEqual(readManifest('jobs/stale-actions-nightly.yaml'));
    const jobs = list(template, 'volumes').find((volume) => at(volume, 'storageType') === 'Secret');
    const mount = list(container, 'volumeMounts').find((one) => text(one, 'volumeName') === text(jobs, 'name'));
    expect(text(jobs, 'secrets.0.secretRef')).toBe(text(configuration, 'secrets.0.name'));
    expect(list(container, 'args')).toEqual([
      'run',
      `${text(mount, 'mountPath')}/${text(jobs, 'secrets.0.path')}`,
      '--yes',
    ]);
  });

  it('the Azure Container Apps job keeps its ledgers on the share, writable for the user of the image alone', () => {
    const share = list(template, 'volumes').find((volume) => at(volume, 'storageType') === 'AzureFile');
    expect(list(container, 'volumeMounts')).toContainEqual({ volumeName: text(share, 'name'), mountPath: '/ledgers' });
    expect(text(share, 'mountOptions').split(',').sort()).toEqual([
      'dir_mode=0700',
      'file_mode=0600',
      'gid=1000',
      'uid=1000',
    ]);
  });

  it('the Azure Container Apps job signs in as its user-assigned identity, which is named, and holds no secret', () => {
    expect(at(manifest, 'identity.type')).toBe('UserAssigned');
    const names = list(container, 'env').map((variable) => text(variable, 'name'));
    expect(names.sort()).toEqual(['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'COUNTERMAND_AUTH']);
    expect(list(container, 'env')).toContainEqual({ name: 'COUNTERMAND_AUTH', value: 'managed-identity' });
  });

  it('the Azure Container Apps job is the same in Bicep', () => {
    const zero = '00000000-0000-0000-0000-000000000000';
    const group = `/subscriptions/${zero}/resourceGroups/countermand/providers`;
    const { name, ...resource } = bicepResource('jobs/deploy/azure/container-apps-job.bicep', 'nightly', {
      'identity.id': `${group}/Microsoft.ManagedIdentity/userAssignedIdentities/countermand`,
      'identity.properties.clientId': zero,
      'environment.id': `${group}/Microsoft.App/managedEnvironments/countermand`,
      'tenant().tenantId': zero,
      "json('0.5')": 0.5,
      "loadTextContent('../../stale-actions-nightly.yaml')": readText('jobs/stale-actions-nightly.yaml'),
    }) as Record<string, unknown>;
    // In YAML the job is a text within the text: what it says is compared above, its comments stand in the file alone.
    const inYaml = structuredClone(manifest) as { properties: { configuration: { secrets: { value: string }[] } } };
    for (const secret of inYaml.properties.configuration.secrets)
      secret.value = readText('jobs/stale-actions-nightly.yaml');
    expect(resource).toEqual(inYaml);
    expect(readText(PATH)).toContain(`--name ${String(name)} `);
  });
});
