#!/usr/bin/env node
// Whatever goes wrong from here on is a failure until an orderly end says otherwise; so nothing is imported before this line runs.
process.exitCode = 1;

// From Node 22.1 on, what is compiled once is kept beside the program, where only those may write who may change the program: in Node's own choice,
// the folder of all users' temporary files, code of another user could lie. Beside an executable there is no folder of its own.
const node: typeof import('node:module') & { enableCompileCache?: (folder: string) => unknown } =
  process.getBuiltinModule('node:module');
if (!process.getBuiltinModule('node:sea').isSea()) {
  node.enableCompileCache?.(`${import.meta.dirname}/../.compile-cache`);
}

// A chain and no await: the bundle is CommonJS, which has none at its top.
import('./cli/run-cli.ts')
  .then(async ({ runCli }) => {
    process.exitCode = await runCli(process.argv.slice(2));
  })
  .catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    // What is wrong in a part itself is a bug, and shown as one.
    if (!['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'EMFILE', 'ENFILE', 'ENOMEM', 'EACCES', 'EIO'].includes(code))
      throw error;
    // Commands tell of their errors themselves: this one kept the program from being loaded, and more could not be loaded to say so. Node puts who asked
    // for a missing part below what is missing.
    const [message] = (error as Error).message.split('\n');
    process.stderr.write(
      `countermand: the program cannot be loaded (${message}): raise the limit of open files (ulimit -n 1024), or install it anew\n`,
    );
    process.exitCode = 2;
  });
