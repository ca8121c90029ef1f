'use strict';
const { spawnSync } = require('node:child_process');
const { enableCompileCache } = require('node:module');
const { homedir } = require('node:os');
const { join } = require('node:path');
const { setFlagsFromString } = require('node:v8');

// Before any TypeScript is loaded, which is why this is none: a Raspberry Pi 3 has 1 GB for the agent, its runners
// and everything else. Anonymous memory of an agent that is connected and idle, of 51 MB without this file:
// young generation 5 MB less, type stripping 18 MB less.

/** A Pi that is still starting its services fills the cache within this time. */
const fillLimitMs = 120_000;

/**
 * Keeps this process small. The young generation stays at its first size: it would grow in the bustle of starting
 * and not shrink again (downloads take less processor time with it small, too: 0.44 against 0.74 s for 400 MB, and
 * half the memory at their peak). TypeScript comes out of Node's compile cache without its types: to strip them loads a
 * WebAssembly compiler that stays. For an agent that `staysLong` a child process fills the cache first, so that not
 * even the first start after an update strips anything.
 */
exports.saveMemory = function saveMemory({ staysLong }) {
  setFlagsFromString('--semi-space-growth-factor=1');
  const { directory } = enableCompileCache(cacheFolder());
  // No folder to write to; or Node itself only starts through an emulator, whose memory is not the board's.
  if (staysLong && directory !== undefined && !process.env.QFLEET_NODE_COMMAND) {
    spawnSync(process.execPath, [__filename], { stdio: 'ignore', timeout: fillLimitMs });
  }
  // Runners too: their peak memory is reported, and the stripper is not the model's. The probing of the backends, which
  // comes before any launch, leaves the cache full, so that launches are alike.
  if (directory !== undefined) process.env.NODE_COMPILE_CACHE = cacheFolder();
};

/** The user's own folder and not Node's default in /tmp, where others could leave code for us to run. */
function cacheFolder() {
  const caches = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return process.env.NODE_COMPILE_CACHE || join(caches, 'qfleet', 'compiled');
}

// The child: loads what a running agent loads. Node writes the cache when a process ends.
if (require.main === module) {
  exports.saveMemory({ staysLong: false });
  import('./run-cli.ts').then(() => import('./run-command.ts'));
}
