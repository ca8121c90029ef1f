#!/usr/bin/env node
// Nothing is imported before the version is known: an older Node would fail somewhere inside with a riddle.
const wantedMajor = 24;
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < wantedMajor) {
  process.stderr.write(
    `qfleet: needs Node ${wantedMajor}, this is ${process.version} (${process.execPath}). npm brings the right one: run \`npm ci\` in the project, then start it there as ./qfleet.\n`,
  );
  process.exitCode = 78;
} else {
  const { runCli } = await import('./run-cli.ts');
  await runCli(process.argv.slice(2));
}

export {};
