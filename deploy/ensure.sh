#!/bin/sh
# Makes a fresh checkout ready: installs the pinned packages where they are missing or out of date, and
# checks that npm's own Node 24 is what will run. Needs only a Node that can start npm. Quiet when all is well.
#
#   ensure.sh agent        for an agent
#   ensure.sh coordinator  for a coordinator, with the agent on its machine
#   ensure.sh              for tests and checks: everything
set -eu
cd "$(dirname "$0")/.."
wanted=${1:-all}

fail() {
  printf 'qfleet: %s\n' "$1" >&2
  exit 78
}

# Whether one of these installs is there and of the pinned versions. Every command comes through here, so that a
# checkout that is ready costs no start of Node.
is_installed() {
  for level in "$@"; do
    cmp -s package-lock.json "$(stamp_of "$level")" && return 0
  done
  return 1
}

stamp_of() {
  case "$1" in
    all) echo node_modules/.qfleet-installed.json ;;
    *) echo "node_modules/.qfleet-installed-$1.json" ;;
  esac
}

# Whether somebody ran npm ci by hand since the versions changed, with all that is wanted.
was_installed_by_hand() {
  [ node_modules/.package-lock.json -nt package-lock.json ] || return 1
  for package in .bin/node $witnesses; do
    [ -e "node_modules/$package" ] || return 1
  done
}

case "$wanted" in
  agent)
    enough='agent coordinator all'
    packages='--omit=dev --include-workspace-root -w @qfleet/agent'
    witnesses='@qfleet/agent onnxruntime-node onnxruntime-web'
    ;;
  coordinator)
    enough='coordinator all'
    packages='--omit=dev --include-workspace-root -w @qfleet/coordinator -w @qfleet/agent'
    witnesses='@qfleet/agent onnxruntime-node onnxruntime-web @qfleet/coordinator fastify'
    ;;
  all)
    enough=all
    packages=
    witnesses='@qfleet/agent @qfleet/coordinator fastify typescript'
    ;;
  *) fail "ensure.sh takes agent, coordinator or all; got $wanted" ;;
esac

# shellcheck disable=SC2086
if ! is_installed $enough && was_installed_by_hand; then
  sh deploy/prune-modules.sh
  cp package-lock.json "$(stamp_of "$wanted")"
elif ! is_installed $enough; then
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) || fail 'no Node.js found; install Node 18 or newer with npm, then repeat the command'
  [ "$major" -ge 18 ] || fail "Node $(node -v) is too old to start npm's packages; install Node 18 or newer, then repeat the command"
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64 | Linux-aarch64 | Linux-arm64 | Darwin-arm64) ;;
    *) fail "no Node 24 in npm for $(uname -s) on $(uname -m); supported are Linux on x86_64 and aarch64 (64-bit), macOS on arm64" ;;
  esac
  printf 'qfleet: installing the pinned packages (once) …\n' >&2
  npm ci --include=optional $packages --loglevel=error >&2 || fail 'npm ci failed; see the lines above (it needs the npm registry once)'
  case "$(node_modules/.bin/node -v 2>/dev/null || true)" in
    v24.*) ;;
    '') fail 'the Node 24 that npm brings is missing (optional packages left out?); run: rm -rf node_modules && npm ci --include=optional' ;;
    *) fail "expected the Node 24 that npm brings, found $(node_modules/.bin/node -v); run: rm -rf node_modules && npm ci --include=optional" ;;
  esac
  sh deploy/prune-modules.sh "$wanted"
  cp package-lock.json "$(stamp_of "$wanted")"
fi
[ -x node_modules/.bin/node ] || fail 'the Node 24 that npm brings is gone; run: rm -rf node_modules, then repeat the command'
