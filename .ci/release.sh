#!/usr/bin/env bash
# release.sh DIR: what a release consists of, into DIR: the package, the list of what is in it (CycloneDX, by npm itself) and the sums of both.
# Needs `npm ci`, and no network. With GITHUB_REF_NAME it refuses a tag that is not this version.
set -euo pipefail
out=$1
version=$(node -p "require('./package.json').version")
if [ -n "${GITHUB_REF_NAME:-}" ] && [ "$GITHUB_REF_NAME" != "v$version" ]; then
  echo "release: the tag $GITHUB_REF_NAME is not that of version $version in package.json" >&2
  exit 1
fi
mkdir -p "$out"
npm pack --silent --pack-destination "$out" >/dev/null
# To npm every library is one that the build needs; those that are in the bundle are what is shipped. npm calls the whole by the folder it lies in.
npm sbom --sbom-format=cyclonedx --sbom-type=application | node -e '
const { readFileSync } = require("node:fs");
const bom = JSON.parse(readFileSync(0, "utf8"));
const { bundled } = JSON.parse(readFileSync("dist/build.json", "utf8"));
const nameOf = ({ group, name, version }) => `${group ? `${group}/` : ""}${name}@${version}`;
const parts = bom.components.filter((each) => bundled.includes(nameOf(each)));
const missing = bundled.filter((each) => !parts.some((part) => nameOf(part) === each));
if (missing.length > 0) throw new Error(`not in the list of npm: ${missing.join(", ")}`);
const refs = new Set([bom.metadata.component["bom-ref"], ...parts.map((part) => part["bom-ref"])]);
bom.components = parts;
bom.dependencies = bom.dependencies
  .filter(({ ref }) => refs.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) }));
bom.metadata.component.name = "countermand";
console.log(JSON.stringify(bom, undefined, 2));
' >"$out/countermand-$version.cdx.json"
(cd "$out" && sha256sum countermand-* >SHA256SUMS && cat SHA256SUMS)
