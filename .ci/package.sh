#!/usr/bin/env bash
# package.sh: each way to install, from a clean clone of what is committed, into a prefix of its own: a tarball of `npm pack`, `git+file:`, and the
# clone itself. The command is started in an empty folder. Asks npm's registry, as an install does; what needs none is in
# test/e2e/package.test.ts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
commit=$(git rev-parse HEAD)
git clone --quiet --no-hardlinks . "$work/clone"

# tried NAME COMMAND: the command says its version, and shows its demonstration.
tried() {
  local empty version
  empty=$(mktemp -d -p "$work")
  version=$(cd "$empty" && "$2" --version)
  echo "package: $1: $version"
  case $version in *"commit $commit,"*) ;; *) echo "package: $1: not of commit $commit"; return 1 ;; esac
  (cd "$empty" && "$2" demo >demo.log 2>&1) || { cat "$empty/demo.log"; return 1; }
}

npm ci --prefix "$work/clone" >/dev/null
(cd "$work/clone" && npm pack --silent --pack-destination "$work" >/dev/null)
npm install --global --prefix "$work/of-tarball" "$work"/countermand-*.tgz >/dev/null
tried 'npm pack, npm install -g' "$work/of-tarball/bin/countermand"

# Not with -g: npm hands that on to the install in which it builds the clone, which then goes to the wrong place.
mkdir "$work/of-git"
npm install --prefix "$work/of-git" "git+file://$work/clone" >/dev/null
tried 'npm install git+file:' "$work/of-git/node_modules/.bin/countermand"

npm install --global --prefix "$work/of-folder" "$work/clone" >/dev/null
tried 'npm install -g FOLDER' "$work/of-folder/bin/countermand"
