import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EXIT_CODES } from '../../src/exit-codes.ts';
import { resolveJob } from '../../src/job/resolve-job.ts';
import { fromText } from '../support/job-file-of.ts';
import { kubernetesProblems } from './kubernetes-schema.ts';
import { at, list, readManifest, readText, text } from './manifests.ts';

const FOLDER = 'jobs/deploy/kubernetes';
const KUSTOMIZATION = 'kustomization.yaml';
const NAMES = readdirSync(new URL(`../../${FOLDER}`, import.meta.url)).filter((name) => name !== KUSTOMIZATION);
const manifest = (name: string) => readManifest(`${FOLDER}/${name}`) as object;

/** The objects whose keys are free: names, labels and amounts that people choose. */
const FREE_KEYS = ['/metadata/labels', '/metadata/annotations', '/data', '/limits', '/requests'];

/** The two that run the image, each with its job and its pod. */
const WORKLOADS = [
  { name: 'cronjob.yaml', job: 'spec.jobTemplate.spec' },
  { name: 'job.yaml', job: 'spec' },
].map(({ name, job }) => ({
  name,
  job: at(manifest(name), job),
  pod: at(manifest(name), `${job}.template.spec`),
  podLabels: at(manifest(name), `${job}.template.metadata.labels`),
  container: at(manifest(name), `${job}.template.spec.containers.0`),
}));

function objectsIn(value: unknown, path = ''): { path: string; object: Record<string, unknown> }[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, part]) => objectsIn(part, `${path}/${key}`));
  return Array.isArray(value) ? inner : [{ path, object: value as Record<string, unknown> }, ...inner];
}

describe('the Kubernetes manifests', () => {
  it('the Kubernetes manifests are a nightly job with what it needs, and a one-off job', () => {
    expect(NAMES.sort()).toEqual([
      'configmap.yaml',
      'cronjob.yaml',
      'job.yaml',
      'namespace.yaml',
      'pvc.yaml',
      'report.yaml',
      'serviceaccount.yaml',
    ]);
  });

  it.each(NAMES)('the Kubernetes manifests fit the schema, without a key that Kubernetes does not know: %s', (name) => {
    expect(kubernetesProblems(manifest(name))).toEqual([]);
  });

  it.each(NAMES)('the Kubernetes manifests are refused with a key too many, wherever it stands: %s', (name) => {
    const places = objectsIn(manifest(name)).filter(({ path }) => !FREE_KEYS.some((free) => path.endsWith(free)));
    expect(places.length).toBeGreaterThan(1);
    for (const { path } of places) {
      const changed = structuredClone(manifest(name));
      const place = objectsIn(changed).find((one) => one.path === path);
      if (place !== undefined) place.object['spareKey'] = 'x';
      expect(kubernetesProblems(changed)).toEqual([`unknown key ${path}/spareKey`]);
    }
  });

  it('the Kubernetes manifests are refused with a value that Kubernetes does not take', () => {
    const changed = parse(
      readText(`${FOLDER}/cronjob.yaml`).replace('concurrencyPolicy: Forbid', 'concurrencyPolicy: Never'),
    );
    expect(kubernetesProblems(changed)).toEqual([expect.stringContaining('/spec/concurrencyPolicy')]);
  });

  it('the Kubernetes manifests are set up together by kustomize, but for the one-off jobs, which are only ever created by hand', () => {
    const { resources, namespace, images, ...rest } = readManifest(`${FOLDER}/${KUSTOMIZATION}`) as {
      resources: string[];
      namespace: string;
      images: { name: string; newName: string; newTag: string }[];
    };
    expect(rest).toEqual({ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' });
    expect([...resources, 'job.yaml', 'report.yaml'].sort()).toEqual(NAMES);
    expect(namespace).toBe(at(manifest('namespace.yaml'), 'metadata.name'));
    for (const { name, newTag } of images) {
      for (const workload of ['cronjob.yaml', 'job.yaml', 'report.yaml']) {
        expect(JSON.stringify(manifest(workload))).toContain(`"image":"${name}:${newTag}"`);
      }
    }
    // `kubectl apply` refuses a generated name, so applying the whole folder cancels nothing.
    for (const name of ['job.yaml', 'report.yaml']) {
      expect(at(manifest(name), 'metadata.generateName')).toBeTypeOf('string');
      expect(at(manifest(name), 'metadata.name')).toBeUndefined();
    }
  });

  it('the Kubernetes manifests have a report job that reads the same volume as the others, and signs in nowhere', () => {
    const pod = at(manifest('report.yaml'), 'spec.template.spec');
    expect(list(pod, 'containers.0.args')[0]).toBe('report');
    expect(at(pod, 'serviceAccountName')).toBeUndefined();
    expect(list(pod, 'volumes')).toContainEqual({
      name: 'ledgers',
      persistentVolumeClaim: { claimName: text(manifest('pvc.yaml'), 'metadata.name') },
    });
    expect(at(pod, 'containers.0.volumeMounts.0')).toEqual({
      name: 'ledgers',
      mountPath: '/ledgers',
      readOnly: true,
    });
    for (const path of ['spec.securityContext.runAsNonRoot', 'spec.containers.0.securityContext']) {
      expect(at(manifest('report.yaml'), `spec.template.${path}`)).toEqual(
        at(manifest('job.yaml'), `spec.template.${path}`),
      );
    }
  });
});

describe.each(WORKLOADS)('$name', ({ name, job, pod, podLabels, container }) => {
  it('a workload fails on the exit codes that need somebody, and counts those that are run again: every code once', () => {
    const rules = list(job, 'podFailurePolicy.rules');
    const codesOf = (action: string) =>
      rules.filter((rule) => at(rule, 'action') === action).flatMap((rule) => list(rule, 'onExitCodes.values'));
    const codes = Object.entries(EXIT_CODES).map(([code, { rerun }]) => ({ code: Number(code), rerun }));
    const failing = codes.filter(({ code }) => code !== 0);

    expect(codesOf('FailJob')).toEqual(failing.flatMap(({ code, rerun }) => (rerun ? [] : [code])));
    expect(codesOf('Count')).toEqual(failing.flatMap(({ code, rerun }) => (rerun ? [code] : [])));
    expect(rules).toHaveLength(2);
  });

  it('a workload keeps to what the API server asks of a failure policy', () => {
    for (const rule of list(job, 'podFailurePolicy.rules')) {
      const values = list(rule, 'onExitCodes.values').map(Number);
      expect(values).toEqual([...new Set(values)].sort((a, b) => a - b));
      expect(values.every((value) => value > 0 && value <= 255)).toBe(true);
      expect(at(rule, 'onExitCodes.operator')).toBe('In');
      expect(at(rule, 'onExitCodes.containerName')).toBe(text(container, 'name'));
    }
    expect(at(pod, 'restartPolicy')).toBe('Never');
    expect(at(job, 'podReplacementPolicy')).toBe('Failed');
    expect(at(job, 'backoffLimit')).toBeGreaterThan(0);
  });

  it('a workload runs one pod at a time, which has time to end its calls', () => {
    expect(at(job, 'parallelism')).toBe(1);
    expect(at(job, 'completions')).toBe(1);
    expect(at(pod, 'terminationGracePeriodSeconds')).toBeGreaterThanOrEqual(45);
  });

  it('a workload is locked down: not root, nothing writable but its volume, no capabilities, no token of the cluster', () => {
    expect(at(pod, 'securityContext')).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(at(container, 'securityContext')).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(at(pod, 'automountServiceAccountToken')).toBe(false);
    for (const amount of ['requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']) {
      expect(text(container, `resources.${amount}`)).toMatch(/^\d/);
    }
  });

  it('a workload signs in as the service account, by workload identity', () => {
    expect(podLabels).toHaveProperty(['azure.workload.identity/use'], 'true');
    expect(at(pod, 'serviceAccountName')).toBe(at(manifest('serviceaccount.yaml'), 'metadata.name'));
    expect(at(manifest('serviceaccount.yaml'), 'metadata.annotations')).toHaveProperty([
      'azure.workload.identity/client-id',
    ]);
    expect(list(container, 'env')).toContainEqual({ name: 'COUNTERMAND_AUTH', value: 'workload-identity' });
  });

  it('a workload keeps its ledgers on the claimed volume, and every mount has a volume', () => {
    const mounts = list(container, 'volumeMounts').map((mount) => text(mount, 'name'));
    const volumes = list(pod, 'volumes').map((volume) => text(volume, 'name'));
    expect(mounts.sort()).toEqual(volumes.sort());
    expect(list(pod, 'volumes')).toContainEqual({
      name: 'ledgers',
      persistentVolumeClaim: { claimName: text(manifest('pvc.yaml'), 'metadata.name') },
    });
    const job = jobOf(name, list(container, 'args').map(String));
    const mount = list(container, 'volumeMounts').find((one) => text(one, 'name') === 'ledgers');
    expect(posix.dirname(job.ledger)).toBe(text(mount, 'mountPath'));
    expect(at(mount, 'readOnly')).toBeUndefined();
  });

  it('a workload leaves more time than one attempt takes, so that the attempt ends by itself', () => {
    const { maxDurationMs } = jobOf(name, list(container, 'args').map(String)).guards;
    expect(maxDurationMs).toBeTypeOf('number');
    const gracePeriodSeconds = Number(at(pod, 'terminationGracePeriodSeconds'));
    expect(at(job, 'activeDeadlineSeconds')).toBeGreaterThan(Number(maxDurationMs) / 1000 + gracePeriodSeconds);
  });
});

describe('what a scheduler may run again', () => {
  it('what a scheduler may run again is what was interrupted, out of time or out of reach; never what waits for somebody', () => {
    const codes = Object.entries(EXIT_CODES).map(([code, { rerun }]) => ({ code: Number(code), rerun }));
    expect(codes.flatMap(({ code, rerun }) => (rerun ? [code] : []))).toEqual([1, 6, 11, 129, 130, 134, 137, 143]);
    expect(codes.flatMap(({ code, rerun }) => (rerun ? [] : [code]))).toEqual([0, 2, 3, 4, 5, 12]);
  });
});

describe('the ConfigMap', () => {
  it('the ConfigMap holds the nightly job just as it lies in jobs/', () => {
    expect(parse(nightlyInCluster())).toEqual(readManifest('jobs/stale-actions-nightly.yaml'));
  });

  it('the ConfigMap is where the CronJob finds its job file', () => {
    const pod = at(manifest('cronjob.yaml'), 'spec.jobTemplate.spec.template.spec');
    expect(list(pod, 'volumes')).toContainEqual({
      name: 'jobs',
      configMap: { name: text(manifest('configmap.yaml'), 'metadata.name') },
    });
    expect(at(pod, 'containers.0.args.1')).toBe('/jobs/stale-actions-nightly.yaml');
  });
});

function nightlyInCluster(): string {
  const data = at(manifest('configmap.yaml'), 'data') as Record<string, string>;
  return data['stale-actions-nightly.yaml'] ?? '';
}

/** The job as the container resolves it: its arguments, with the image's working folder. */
function jobOf(name: string, args: string[]) {
  const [command, source = '', ...rest] = args;
  expect(command).toBe('run');
  expect(rest).toContain('--yes');
  const flags = Object.fromEntries(
    rest.flatMap((flag) => {
      const [key = '', value] = flag.replace(/^--/, '').split(/=(.*)/s);
      return value === undefined ? [] : [[key, value]];
    }),
  );
  return resolveJob(
    fromText({
      sourceArg: source,
      jobText: name === 'cronjob.yaml' ? nightlyInCluster() : undefined,
      flags,
      env: {
        AZURE_TENANT_ID: '00000000-0000-0000-0000-000000000001',
        AZURE_CLIENT_ID: '00000000-0000-0000-0000-000000000002',
      },
      cwd: '/',
      nowMs: Date.UTC(2026, 10, 23),
    }),
  );
}
