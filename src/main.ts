#!/usr/bin/env node
// Whatever goes wrong from here on is a failure until an orderly end says otherwise; so nothing is imported before this line runs.
process.exitCode = 1;

const { runCli } = await import('./cli/run-cli.ts');
process.exitCode = await runCli(process.argv.slice(2));
