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
# npm calls the whole by the folder that it lies in.
npm sbom --omit=dev --sbom-format=cyclonedx --sbom-type=application | node -e '
const bom = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
bom.metadata.component.name = "countermand";
console.log(JSON.stringify(bom, undefined, 2));
' >"$out/countermand-$version.cdx.json"
(cd "$out" && sha256sum countermand-* >SHA256SUMS && cat SHA256SUMS)
