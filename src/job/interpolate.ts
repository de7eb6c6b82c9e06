import { isSecretVariable, whySecret } from './secrets.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type Interpolation = { text: string; replaced: boolean } | { problem: string };

/**
 * Replaces `${NAME}` and `${NAME:-default}` by environment variables; `$${` stands for `${` itself. The default is taken when the variable is not
 * set or empty. What a variable holds is not taken apart again. Variables that hold secrets are refused, by their names and by what they hold.
 */
export function interpolate(text: string, env: Environment): Interpolation {
  const problems: string[] = [];
  let replaced = false;
  const result = text.replace(/\$?\$\{([^}]*)(\}?)/gs, (whole, inside: string, close: string) => {
    replaced = true;
    if (whole.startsWith('$$')) return whole.slice(1);
    const match = close === '' ? null : /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside);
    const name = match?.[1];
    if (name === undefined) {
      problems.push(
        `"\${" begins a variable, written \${NAME} or \${NAME:-default}; write "$\${" for the characters themselves`,
      );
      return whole;
    }
    if (isSecretVariable(name)) {
      problems.push(
        `\${${name}} is a secret and is never part of a job: it is read from the environment where it is needed`,
      );
      return whole;
    }
    const value = env[name];
    const why = value === undefined ? undefined : whySecret(value, env);
    if (why !== undefined) {
      problems.push(`the environment variable ${name} ${why}, and secrets are never part of a job: leave it out`);
      return whole;
    }
    const standard = match?.[2];
    if (standard !== undefined) return value === undefined || value === '' ? standard : value;
    if (value === undefined) {
      problems.push(`the environment variable ${name} is not set: set it, or give a default as in \${${name}:-…}`);
    }
    return value ?? whole;
  });
  const [problem] = problems;
  return problem === undefined ? { text: result, replaced } : { problem };
}
