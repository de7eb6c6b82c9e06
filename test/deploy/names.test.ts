import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { at, readManifest, readText } from './manifests.ts';

const FOLDER = 'jobs/deploy/kubernetes';
const PAGES = ['README.md', 'docs/operations.md', 'docs/sign-in.md', 'docs/settings.md'];
const TEXTS = [
  ...PAGES,
  ...readdirSync(new URL(`../../${FOLDER}`, import.meta.url)).map((name) => `${FOLDER}/${name}`),
  'jobs/deploy/azure/container-apps-job.yaml',
].map((path) => ({ path, text: readText(path) }));

const namespace = String(at(readManifest(`${FOLDER}/namespace.yaml`), 'metadata.name'));
const account = String(at(readManifest(`${FOLDER}/serviceaccount.yaml`), 'metadata.name'));

/** Every match of a pattern's first group, over the pages and manifests, each with its file. */
function found(pattern: RegExp): { path: string; name: string }[] {
  return TEXTS.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map((match) => ({ path, name: match[1] ?? '' })),
  );
}

describe('pages and manifests use one set of names', () => {
  it.each([
    ['the namespace', /kubectl (?:-n|--namespace) (\S+)/g, namespace],
    ['the namespace of the federated subject', /system:serviceaccount:([^:\s"]+):/g, namespace],
    ['the service account of the federated subject', /system:serviceaccount:[^:\s"]+:([^\s",.]+)/g, account],
    ['the service account of the pods', /serviceAccountName: (\S+)/g, account],
    ['the folder of the manifests', /kubectl apply -k (\S+)/g, FOLDER],
    ['the resource group and identity', /az identity create -g (\S+ -n \S+)/g, 'countermand -n countermand'],
    ['the resource group of the identity', /resourceGroups\/([^/]+)\/providers/g, 'countermand'],
    ['the identity of the job', /userAssignedIdentities\/([^:/\s]+):/g, 'countermand'],
    ['the image without its tag', /image: ([^:\s]+):/g, 'ghcr.io/your-org/countermand'],
  ])('pages and manifests use one name for %s', (_what, pattern, expected) => {
    const names = found(pattern);
    expect(names.length).toBeGreaterThan(0);
    for (const { path, name } of names) expect(name.replace(/`.*$/, ''), path).toBe(expected);
  });

  it('every file of jobs/ that a page names is there', () => {
    const pages = PAGES.map(readText).join('\n');
    const paths = [...pages.matchAll(/jobs\/[\w./-]+\.(?:yaml|csv|json)/g)].map(([path]) => path);
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(() => readText(path), path).not.toThrow();
  });
});
