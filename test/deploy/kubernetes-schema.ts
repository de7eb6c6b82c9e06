import { Deployment, type IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import { CronJob, type ICronJob } from 'kubernetes-models/batch/v1/CronJob';
import { type IJob, Job } from 'kubernetes-models/batch/v1/Job';
import { type INetworkPolicy, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { type IPodDisruptionBudget, PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap, type IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { type INamespace, Namespace } from 'kubernetes-models/v1/Namespace';
import { type IPersistentVolumeClaim, PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { type IServiceAccount, ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';

const MODELS: Record<string, (data: object) => { validate(): void }> = {
  'apps/v1 Deployment': (data) => new Deployment(data as IDeployment),
  'batch/v1 CronJob': (data) => new CronJob(data as ICronJob),
  'batch/v1 Job': (data) => new Job(data as IJob),
  'networking.k8s.io/v1 NetworkPolicy': (data) => new NetworkPolicy(data as INetworkPolicy),
  'policy/v1 PodDisruptionBudget': (data) => new PodDisruptionBudget(data as IPodDisruptionBudget),
  'v1 ConfigMap': (data) => new ConfigMap(data as IConfigMap),
  'v1 Namespace': (data) => new Namespace(data as INamespace),
  'v1 PersistentVolumeClaim': (data) => new PersistentVolumeClaim(data as IPersistentVolumeClaim),
  'v1 ServiceAccount': (data) => new ServiceAccount(data as IServiceAccount),
};

/**
 * What Kubernetes' schema has against a manifest, as sentences; none when it fits.
 *
 * The schemas are compiled to code that lets unknown keys pass, as the API server does without strict validation. But that code
 * reads every key it knows, and walks the maps whose keys are free. So it is handed objects that note what is read: a key that
 * was never asked for is one that the schema does not know.
 */
export function kubernetesProblems(manifest: object): string[] {
  const { apiVersion, kind } = manifest as { apiVersion?: unknown; kind?: unknown };
  const make = MODELS[`${apiVersion} ${kind}`];
  if (make === undefined) return [`no schema for ${apiVersion} ${kind}`];
  const reads = new Reads();
  const model = make(manifest);
  const problems: string[] = [];
  try {
    reads.watched(model).validate();
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  return [...problems, ...reads.neverRead(model, '')];
}

class Reads {
  private readonly watchedOf = new Map<object, object>();
  private readonly keysOf = new Map<object, Set<string | symbol>>();

  watched<T extends object>(target: T): T {
    const known = this.watchedOf.get(target);
    if (known !== undefined) return known as T;
    const keys = new Set<string | symbol>();
    const proxy = new Proxy(target, {
      get: (object, key, receiver) => {
        keys.add(key);
        const value: unknown = Reflect.get(object, key, receiver);
        return typeof value === 'object' && value !== null ? this.watched(value) : value;
      },
    });
    this.keysOf.set(target, keys);
    this.watchedOf.set(target, proxy);
    return proxy;
  }

  neverRead(value: unknown, path: string): string[] {
    if (typeof value !== 'object' || value === null) return [];
    const keys = this.keysOf.get(value);
    return Object.entries(value).flatMap(([key, inner]) =>
      keys?.has(key) ? this.neverRead(inner, `${path}/${key}`) : [`unknown key ${path}/${key}`],
    );
  }
}
