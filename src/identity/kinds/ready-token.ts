import { RefusedError, UsageError } from '../../errors.ts';
import { readClaims } from '../claims.ts';
import type { CredentialSource, SignInParts } from '../credential-source.ts';
import { readSecret } from '../secret-value.ts';

/**
 * A token made elsewhere, from `COUNTERMAND_TOKEN` or its `_FILE`. A file is read anew whenever another token is
 * needed, so that whoever renews the file keeps a long run going.
 */
export function readyTokenSource(parts: Pick<SignInParts, 'env' | 'clock' | 'learn'>): CredentialSource {
  let given: string | undefined;
  return {
    kind: 'token',
    interactive: false,
    async acquire({ forceRefresh = false }, signal) {
      signal.throwIfAborted();
      const secret = await readSecret(parts.env, 'COUNTERMAND_TOKEN');
      if (secret === undefined) {
        throw new UsageError(
          '--auth token needs COUNTERMAND_TOKEN, or COUNTERMAND_TOKEN_FILE naming a file that holds it',
        );
      }
      const { from } = secret;
      const token = secret.value.trim();
      parts.learn?.(token, from);
      if (/^["'{[]/.test(token)) {
        throw new RefusedError(
          `${from} holds quotes or JSON around the token; give the bare token (of \`az account get-access-token\`: --query accessToken --output tsv)`,
        );
      }
      // Anything else would break the header it is sent in, and the library's error would show the token.
      if (!/^[\x21-\x7e]+$/.test(token)) {
        throw new RefusedError(
          `${from} holds characters that a token cannot have; give the bare token, without "Bearer" and line breaks`,
        );
      }
      if (forceRefresh && token === given) {
        throw new RefusedError(`Defender refused the token in ${from} (401); get a new one, then resume`);
      }
      const expiresAtMs = readClaims(token)?.expiresAtMs;
      if (expiresAtMs !== undefined && expiresAtMs <= parts.clock.wallMs()) {
        throw new RefusedError(
          `the token in ${from} ended at ${new Date(expiresAtMs).toISOString()}; get a new one, then resume`,
        );
      }
      given = token;
      return { token, expiresAtMs };
    },
  };
}
