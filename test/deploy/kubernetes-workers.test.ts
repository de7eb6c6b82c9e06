import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SETTINGS_OF } from '../../src/cli/flags/setting-flags.ts';
import { kubernetesProblems } from './kubernetes-schema.ts';
import { at, list, readManifest, readText, text } from './manifests.ts';

const FOLDER = 'jobs/deploy/kubernetes-workers';
const KUSTOMIZATION = 'kustomization.yaml';
/** Of KEDA, which a cluster need not have. */
const SCALING = ['scaled-object.yaml', 'trigger-authentication.yaml'];
/** Made by hand. */
const APART = ['store-init.yaml', 'submit-nightly.yaml'];
const NAMES = readdirSync(new URL(`../../${FOLDER}`, import.meta.url)).filter(
  (name) => name !== KUSTOMIZATION && !SCALING.includes(name),
);
const manifest = (name: string) => readManifest(`${FOLDER}/${name}`) as object;
const deployment = manifest('deployment.yaml');
const pod = at(deployment, 'spec.template.spec');
const container = at(pod, 'containers.0');
const init = at(manifest('store-init.yaml'), 'spec.template.spec');
const nightly = at(manifest('submit-nightly.yaml'), 'spec.jobTemplate.spec.template.spec');
const args = list(container, 'args').map(String);
const port = Number(args[args.indexOf('--port') + 1]);

describe('the manifests of workers', () => {
  it.each(NAMES)('the manifests of workers fit the schema, without a key that Kubernetes does not know: %s', (name) => {
    expect(kubernetesProblems(manifest(name))).toEqual([]);
  });

  it.each(['deployment.yaml', 'disruption-budget.yaml', 'network-policy.yaml'])(
    'the manifests of workers are refused with a key too many: %s',
    (name) => {
      const changed = structuredClone(manifest(name));
      (at(changed, 'spec') as Record<string, unknown>)['spareKey'] = 'x';
      expect(kubernetesProblems(changed)).toEqual(['unknown key /spec/spareKey']);
    },
  );

  it('the manifests of workers are set up together by kustomize, but for what is created by hand', () => {
    const { resources, namespace, images } = readManifest(`${FOLDER}/${KUSTOMIZATION}`) as {
      resources: string[];
      namespace: string;
      images: { name: string; newName: string; newTag: string }[];
    };
    expect([...resources, ...APART].sort()).toEqual(NAMES.sort());
    expect(namespace).toBe(at(manifest('namespace.yaml'), 'metadata.name'));
    const [image] = images;
    for (const one of [container, at(init, 'containers.0'), at(nightly, 'containers.0')])
      expect(at(one, 'image')).toBe(`${image?.name}:${image?.newTag}`);
    expect(at(manifest('store-init.yaml'), 'metadata.generateName')).toBeTypeOf('string');
  });

  it('the manifests of workers share namespace and service account with those of the jobs', () => {
    for (const name of ['namespace.yaml', 'serviceaccount.yaml'])
      expect(manifest(name)).toEqual(readManifest(`jobs/deploy/kubernetes/${name}`));
    expect(at(pod, 'serviceAccountName')).toBe(at(manifest('serviceaccount.yaml'), 'metadata.name'));
    expect(at(deployment, 'spec.template.metadata.labels')).toHaveProperty(['azure.workload.identity/use'], 'true');
  });

  it('the manifests of workers are locked down: not root, nothing writable, no capabilities, no token of the cluster', () => {
    for (const one of [pod, init, nightly]) {
      expect(at(one, 'securityContext')).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(at(one, 'containers.0.securityContext')).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(at(one, 'automountServiceAccountToken')).toBe(false);
      for (const mount of list(one, 'containers.0.volumeMounts')) expect(at(mount, 'readOnly')).toBe(true);
      for (const amount of ['requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'])
        expect(text(one, `containers.0.resources.${amount}`)).toMatch(/^\d/);
    }
  });

  it('the manifests of workers ask for health where the worker answers, and give it the time that a drain takes', () => {
    expect(args[0]).toBe('worker');
    expect(SETTINGS_OF.worker).toContain('store');
    expect(at(container, 'ports.0')).toEqual({ name: 'metrics', containerPort: port });
    expect(at(container, 'livenessProbe.httpGet')).toEqual({ path: '/livez', port: 'metrics' });
    expect(at(container, 'readinessProbe.httpGet')).toEqual({ path: '/readyz', port: 'metrics' });
    expect(at(deployment, 'spec.template.metadata.annotations')).toHaveProperty(['prometheus.io/port'], String(port));
    expect(at(pod, 'terminationGracePeriodSeconds')).toBeGreaterThanOrEqual(10);
  });

  it('the manifests of workers choose the same pods everywhere', () => {
    const labels = at(deployment, 'spec.selector.matchLabels');
    expect(at(deployment, 'spec.template.metadata.labels')).toMatchObject(labels as object);
    expect(at(manifest('disruption-budget.yaml'), 'spec.selector.matchLabels')).toEqual(labels);
    expect(at(manifest('network-policy.yaml'), 'spec.podSelector.matchLabels')).toEqual(labels);
    expect(at(pod, 'topologySpreadConstraints.0.labelSelector.matchLabels')).toEqual(labels);
  });

  it('the manifests of workers let metrics in, and names, the database and HTTPS out', () => {
    const policy = manifest('network-policy.yaml');
    expect(list(policy, 'spec.ingress').flatMap((rule) => list(rule, 'ports'))).toEqual([{ port, protocol: 'TCP' }]);
    const out = list(policy, 'spec.egress').flatMap((rule) => list(rule, 'ports').map((one) => at(one, 'port')));
    expect(out.sort()).toEqual([443, 53, 53, 5432]);
  });

  it('the manifests of workers take their secrets from files and references alone', () => {
    for (const name of ['deployment.yaml', 'store-init.yaml']) {
      expect(readText(`${FOLDER}/${name}`)).toContain('COUNTERMAND_STORE_PASSWORD_FILE');
      for (const variable of list(name === 'deployment.yaml' ? container : at(init, 'containers.0'), 'env')) {
        const value = at(variable, 'value');
        if (value !== undefined) expect(value).toMatch(/^(workload-identity|\/secrets\/store\/password)$/);
      }
    }
    expect(list(pod, 'volumes').map((volume) => at(volume, 'secret.secretName'))).toEqual(['countermand-store']);
    expect(list(init, 'volumes').map((volume) => at(volume, 'secret.secretName'))).toEqual(['countermand-store-owner']);
  });
});
