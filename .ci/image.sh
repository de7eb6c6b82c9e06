#!/usr/bin/env bash
# image.sh CHECK MOST_MB: builds the image with CHECK (a builder without a daemon) and runs it as its own user: first `--version`, then a
# run over a sandbox's actions. Refuses an image that is more than MOST_MB above its base. Needs a build in dist.
set -euo pipefail
check=$1 most_mb=$2
work=$(mktemp -d)
sandbox=''
cleanup() {
  if [ -n "$sandbox" ]; then kill "$sandbox" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

bash "$check" . --version </dev/null 2>&1 | tee "$work/version.log"

cache=${DFC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dockerfile-check}
base=$(STORAGE_DRIVER=${STORAGE_DRIVER:-overlay} buildah --root "$cache/storage" --runroot "$cache/run" images \
  --filter reference=node:24-bookworm-slim --format '{{.Size}}' | head -n 1)
size=$(sed -n 's/.*image size //p' "$work/version.log")
node -e '
const [size, base, most] = process.argv.slice(1);
const mb = (text) => { const [n, unit] = text.split(" "); return Number(n) * { kB: 1e-3, KB: 1e-3, MB: 1, GB: 1e3 }[unit]; };
const above = mb(size) - mb(base);
if (!Number.isFinite(above)) throw new Error(`sizes not understood: image ${size}, base ${base}`);
console.log(`image: ${size}, ${above.toFixed(0)} MB above its base (at most ${most})`);
process.exitCode = above <= Number(most) ? 0 : 1;
' "$size" "$base" "$most_mb"

# The same image, told by its environment to use a sandbox on this machine; the ledger goes where the image puts it by default.
node dist/main.js sandbox --actions 60 --trouble 0 --quota 1000/1s --csv "$work/ids.csv" >"$work/environment" 2>"$work/sandbox.log" &
sandbox=$!
for _ in $(seq 300); do
  if grep -q AZURE_CLIENT_ID "$work/environment"; then break; fi
  kill -0 "$sandbox" || { cat "$work/sandbox.log"; exit 1; }
  sleep 0.1
done
{ cat Dockerfile; sed 's/^export /ENV /' "$work/environment"; } >"$work/Dockerfile"
rc=0
DOCKERFILE="$work/Dockerfile" bash "$check" . run - --yes --json --comment 'Image check' --quota 1000/1s --confirm-for 30s \
  <"$work/ids.csv" >"$work/run.json" 2>"$work/run.log" || rc=$?
cat "$work/run.log" "$work/run.json"
node -e '
const { readFileSync } = require("node:fs");
const [file, code] = process.argv.slice(1);
const { counts, ledger, exitCode } = JSON.parse(readFileSync(file, "utf8"));
console.log(`image: a run over a sandbox exits ${code}, ledger ${ledger}, ${JSON.stringify(counts)}`);
const asExpected = counts.cancelled > 0 && ledger.startsWith("/ledgers/") && exitCode === Number(code) && [0, 3].includes(exitCode);
process.exitCode = asExpected ? 0 : 1;
' "$work/run.json" "$rc"
