#!/usr/bin/env node
// Whatever goes wrong from here on is a failure until an orderly end says otherwise; so nothing is imported before this line runs.
process.exitCode = 1;

try {
  const { runCli } = await import('./cli/run-cli.ts');
  process.exitCode = await runCli(process.argv.slice(2));
} catch (error) {
  // Commands tell of their errors themselves: this one kept the program from being loaded, and more could not be loaded to say so.
  const why = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    `countermand: the program cannot be loaded (${why}): raise the limit of open files (ulimit -n 1024), or install it anew\n`,
  );
  process.exitCode = 2;
}
