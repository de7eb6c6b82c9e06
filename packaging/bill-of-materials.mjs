// What is in the package, and in the executables, as CycloneDX: made by npm, of which those packages are kept that the bundle holds.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeOf } from './executables.mjs';
import { BUILDER, NODE_VERSION, TARGETS } from './targets.mjs';

/** To npm every library is one that the build needs; those that are in the bundle are what is shipped. npm calls the whole by the folder it lies in. */
export function billOfPackage(root) {
  const made = execFileSync('npm', ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
  const bill = JSON.parse(made);
  const { bundled } = JSON.parse(readFileSync(join(root, 'dist/build.json'), 'utf8'));
  const parts = bill.components.filter((each) => bundled.includes(nameOf(each)));
  const missing = bundled.filter((each) => !parts.some((part) => nameOf(part) === each));
  if (missing.length > 0) throw new Error(`not in the list of npm: ${missing.join(', ')}`);
  const refs = new Set([bill.metadata.component['bom-ref'], ...parts.map((part) => part['bom-ref'])]);
  return {
    ...bill,
    metadata: { ...bill.metadata, component: { ...bill.metadata.component, name: 'countermand' } },
    components: parts.map(({ properties = [], ...part }) => ({
      ...part,
      properties: properties.filter(isTrueOfShipped),
    })),
    dependencies: bill.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) })),
  };
}

/** The same with Node, and with what Node says is in it. */
export function billOfExecutables(bill) {
  const builder = join(nodeOf(BUILDER), TARGETS[BUILDER].node);
  const { node, modules, ...versions } = JSON.parse(
    execFileSync(builder, ['-p', 'JSON.stringify(process.versions)'], { encoding: 'utf8' }),
  );
  if (node !== NODE_VERSION) throw new Error(`the Node of ${BUILDER} is ${node}, and not ${NODE_VERSION}`);
  const nodeRef = `node@${NODE_VERSION}`;
  const inNode = Object.entries(versions).map(([name, version]) => ({
    'bom-ref': `${nodeRef}/${name}`,
    type: 'library',
    name,
    version,
  }));
  const whole = bill.metadata.component['bom-ref'];
  return {
    ...bill,
    serialNumber: `urn:uuid:${crypto.randomUUID()}`,
    components: [
      ...bill.components,
      {
        'bom-ref': nodeRef,
        type: 'platform',
        name: 'node',
        version: NODE_VERSION,
        purl: `pkg:generic/node@${NODE_VERSION}`,
        licenses: [{ license: { id: 'MIT' } }],
      },
      ...inNode,
    ],
    dependencies: [
      ...bill.dependencies.map((each) =>
        each.ref === whole ? { ...each, dependsOn: [...each.dependsOn, nodeRef] } : each,
      ),
      { ref: nodeRef, dependsOn: inNode.map((each) => each['bom-ref']) },
    ],
  };
}

function nameOf({ group, name, version }) {
  return `${group ? `${group}/` : ''}${name}@${version}`;
}

function isTrueOfShipped({ name }) {
  return name !== 'cdx:npm:package:development';
}
