import { cleanJson } from '../clean.ts';
import { CountermandError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { type SessionSecrets, sessionSecrets } from '../identity/session-secrets.ts';
import { makeRedact, type Redact } from '../redact.ts';
import { type Context, sayError } from '../run/console.ts';
import { styled } from '../styled.ts';
import { results } from './terminal/results.ts';
import { stderrLine } from './terminal/stderr-line.ts';

/** What keeps secrets from leaving. */
export interface Guard {
  secrets: SessionSecrets;
  redact: Redact;
}

/** What is said before there is a context is cleaned of secrets too. */
export function guardOutputs(env: Context['env']): Guard {
  const secrets = sessionSecrets(env);
  const redact = makeRedact(() => secrets.values());
  stderrLine.redact = redact;
  return { secrets, redact };
}

/** Says an error on stderr, and as the document that was asked for where there is none yet. Returns the exit code. */
export function tellError(error: unknown, asDocument = false): ExitCode {
  const isExpected = error instanceof CountermandError;
  const exitCode = isExpected ? error.exitCode : 1;
  // The stack names functions and files of ours; errors that carry requests keep them out of what is printed.
  const stack = String(error instanceof Error ? error.stack : error).split('\n');
  const message = isExpected ? error.message : `unexpected error, which is a bug: ${stack.join('\n')}`;
  if (asDocument)
    results.write(styled(`${cleanJson(JSON.stringify({ exitCode, error: { message } }, undefined, 2))}\n`));
  if (isExpected) sayError((line) => stderrLine.write(line), error);
  else {
    stderrLine.write(`countermand: unexpected error, which is a bug: ${stack[0]}`);
    for (const line of stack.slice(1)) stderrLine.write(`    ${line.trim()}`);
  }
  return exitCode;
}
