#!/usr/bin/env bash
# image.sh CHECK MOST_MB: builds the image with CHECK (a builder without a daemon), runs `--version` as the image's user, and refuses an
# image that is more than MOST_MB above its base.
set -euo pipefail
check=$1 most_mb=$2
out=$(mktemp)
trap 'rm -f "$out"' EXIT

bash "$check" . --version 2>&1 | tee "$out"

cache=${DFC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dockerfile-check}
base=$(STORAGE_DRIVER=${STORAGE_DRIVER:-overlay} buildah --root "$cache/storage" --runroot "$cache/run" images \
  --filter reference=node:24-bookworm-slim --format '{{.Size}}' | head -n 1)
size=$(sed -n 's/.*image size //p' "$out")
node -e '
const [size, base, most] = process.argv.slice(1);
const mb = (text) => { const [n, unit] = text.split(" "); return Number(n) * { kB: 1e-3, KB: 1e-3, MB: 1, GB: 1e3 }[unit]; };
const above = mb(size) - mb(base);
if (!Number.isFinite(above)) throw new Error(`sizes not understood: image ${size}, base ${base}`);
console.log(`image: ${size}, ${above.toFixed(0)} MB above its base (at most ${most})`);
process.exitCode = above <= Number(most) ? 0 : 1;
' "$size" "$base" "$most_mb"
