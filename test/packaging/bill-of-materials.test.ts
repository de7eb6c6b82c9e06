import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { script } from './script.ts';

interface Bill {
  components: { name: string; version: string; purl?: string; 'bom-ref': string }[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

const { billOfPackage, billOfExecutables } = await script<{
  billOfPackage: (root: string) => Bill;
  billOfExecutables: (bill: Bill) => Bill;
}>('bill-of-materials');
const read = async (url: URL | string) => JSON.parse(await readFile(fileURLToPath(new URL(url)), 'utf8'));
const ROOT = new URL('../../', import.meta.url);

/** The rules of CycloneDX themselves, as its own library brings them. */
async function rules(): Promise<(bill: Bill) => unknown[]> {
  const schema = (name: string) =>
    read(new URL(`node_modules/@cyclonedx/cyclonedx-library/res/schema/${name}.SNAPSHOT.schema.json`, ROOT));
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  for (const name of ['spdx', 'jsf-0.82'])
    ajv.addSchema(await schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  const valid = ajv.compile(await schema('bom-1.5'));
  return (bill) => (valid(bill) ? [] : (valid.errors ?? []));
}

const bill = billOfPackage(fileURLToPath(ROOT));

test('the bill of materials names all that is bundled, and is CycloneDX', async () => {
  const { bundled } = (await read(new URL('dist/build.json', ROOT))) as { bundled: string[] };
  const named = bill.components.map(({ purl = '' }) => decodeURIComponent(purl.replace('pkg:npm/', '')));
  expect(named.sort()).toEqual([...bundled].sort());
  expect((await rules())(bill)).toEqual([]);
  // To npm all of them are there for development only; they are shipped.
  expect(JSON.stringify(bill)).not.toContain('cdx:npm:package:development');
});

test('the bill of materials of the executables has Node and what is in Node besides, and is CycloneDX', async () => {
  const whole = billOfExecutables(bill);
  const names = new Map(whole.components.map(({ name, version }) => [name, version]));
  for (const name of ['node', 'openssl', 'v8', 'uv', 'undici', 'pg', '@azure/msal-node'])
    expect(names.has(name) || names.has(name.replace('@azure/', '')), name).toBe(true);
  const refs = whole.components.map((each) => each['bom-ref']);
  expect(new Set(refs).size).toBe(refs.length);
  for (const { dependsOn } of whole.dependencies) for (const ref of dependsOn) expect(refs).toContain(ref);
  expect((await rules())(whole)).toEqual([]);
});
