#!/bin/sh
# Makes a fresh checkout ready: installs the pinned packages where they are missing or out of date, and
# checks that npm's own Node 24 is what will run. Needs only a Node that can start npm. Quiet when all is well.
set -eu
cd "$(dirname "$0")/.."

fail() {
  printf 'qfleet: %s\n' "$1" >&2
  exit 78
}

# Every command comes through here, so that a checkout that is ready costs no start of Node.
stamp=node_modules/.qfleet-installed.json
if ! cmp -s package-lock.json "$stamp"; then
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) || fail 'no Node.js found; install Node 18 or newer with npm, then repeat the command'
  [ "$major" -ge 18 ] || fail "Node $(node -v) is too old to start npm's packages; install Node 18 or newer, then repeat the command"
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64 | Linux-aarch64 | Linux-arm64 | Darwin-arm64) ;;
    *) fail "no Node 24 in npm for $(uname -s) on $(uname -m); supported are Linux on x86_64 and aarch64 (64-bit), macOS on arm64" ;;
  esac
  printf 'qfleet: installing the pinned packages (once) …\n' >&2
  npm ci --include=optional --loglevel=error >&2 || fail 'npm ci failed; see the lines above (it needs the npm registry once)'
  case "$(node_modules/.bin/node -v 2>/dev/null || true)" in
    v24.*) ;;
    '') fail 'the Node 24 that npm brings is missing (optional packages left out?); run: rm -rf node_modules && npm ci --include=optional' ;;
    *) fail "expected the Node 24 that npm brings, found $(node_modules/.bin/node -v); run: rm -rf node_modules && npm ci --include=optional" ;;
  esac
  cp package-lock.json "$stamp"
fi
[ -x node_modules/.bin/node ] || fail 'the Node 24 that npm brings is gone; run: rm -rf node_modules, then repeat the command'
