#!/usr/bin/env node
// Whatever goes wrong from here on is a failure until an orderly end says otherwise; so nothing is imported before this line runs.
process.exitCode = 1;

try {
  const { runCli } = await import('./cli/run-cli.ts');
  process.exitCode = await runCli(process.argv.slice(2));
} catch (error) {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // What is wrong in a part itself is a bug, and shown as one.
  if (!['ERR_MODULE_NOT_FOUND', 'EMFILE', 'ENFILE', 'ENOMEM', 'EACCES', 'EIO'].includes(code)) throw error;
  // Commands tell of their errors themselves: this one kept the program from being loaded, and more could not be loaded to say so.
  process.stderr.write(
    `countermand: the program cannot be loaded (${(error as Error).message}): raise the limit of open files (ulimit -n 1024), or install it anew\n`,
  );
  process.exitCode = 2;
}
