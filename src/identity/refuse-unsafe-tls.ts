import { UsageError } from '../errors.ts';

/** Node's flags by which whoever can read a file or a terminal reads what TLS is to hide, the token with it. */
const REVEALING_FLAGS = ['--tls-keylog', '--trace-tls'] as const;

/**
 * Throws a UsageError where the environment or Node's flags take away what TLS is for: the check of certificates, or the secrecy of what is sent.
 * Beside this, connections ask for that check themselves and would not be talked out of it (`http.ts`); somebody who sets this expects a
 * certificate that is not trusted to be taken, so it is said at once what to do instead.
 */
export function refuseUnsafeTls(
  env: Readonly<Record<string, string | undefined>>,
  nodeFlags: readonly string[] = [],
): void {
  // Node takes "0" and nothing else for off.
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new UsageError(
      'NODE_TLS_REJECT_UNAUTHORIZED=0 switches the check of TLS certificates off, so anybody on the way could take your token: unset it. For a certificate authority of your own, name its PEM file in NODE_EXTRA_CA_CERTS',
    );
  }
  const given = [...wordsOf(env['NODE_OPTIONS'] ?? ''), ...nodeFlags].map((word) =>
    (word.split('=')[0] ?? '').replaceAll('_', '-'),
  );
  const flag = REVEALING_FLAGS.find((each) => given.includes(each));
  if (flag !== undefined) {
    throw new UsageError(
      `Node's flag ${flag} writes down what opens TLS connections, and with it your token: take it out of NODE_OPTIONS. For a certificate authority of your own, name its PEM file in NODE_EXTRA_CA_CERTS`,
    );
  }
}

/** As Node takes the variable apart: at blanks, but not within double quotes. */
function wordsOf(options: string): string[] {
  return (options.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? []).map((word) => word.replaceAll('"', ''));
}
