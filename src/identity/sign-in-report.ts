import { withoutHostile } from '../clean.ts';
import type { TokenClaims } from './claims.ts';
import type { FoundCredential } from './find-credential.ts';

/** One line of `check`. `text` of a line that is not ok ends with what to do. */
export interface CheckLine {
  level: 'ok' | 'warning' | 'wrong';
  topic: 'credential' | 'sign-in' | 'token' | 'permissions';
  text: string;
}

/** What was found, why, and what was passed over. `openFiles` comes from `openSecretFiles`. */
export function credentialLines(found: FoundCredential, openFiles: readonly string[]): CheckLine[] {
  return [
    { level: 'ok', topic: 'credential', text: found.why },
    ...found.ignored.map(
      ({ kind, from }): CheckLine => ({
        level: 'warning',
        topic: 'credential',
        text: `${kind} is not used, though ${from.join(' and ')} is set; give --auth ${kind} to use it, or unset it`,
      }),
    ),
    ...openFiles.map((text): CheckLine => ({ level: 'warning', topic: 'credential', text })),
  ];
}

/** A run of a list is seldom shorter. */
const SHORT_MS = 5 * 60_000;
const ENDS_THEN = '; it cannot be renewed: a run that is not over by then stops (exit 4), and resumes with another';

/** Whose token it is and how long it lives. `renews`: another one follows it. `expiresAtMs` is the end told with the token, which counts more than its own. */
export function tokenLines(
  claims: TokenClaims | undefined,
  { expiresAtMs, nowMs, renews }: { expiresAtMs: number | undefined; nowMs: number; renews: boolean },
): CheckLine[] {
  const endsAtMs = expiresAtMs ?? claims?.expiresAtMs;
  const life: CheckLine =
    endsAtMs === undefined
      ? {
          level: 'warning',
          topic: 'token',
          text: 'the end of the token is not known; a run goes on until Defender refuses it, and can be resumed with another',
        }
      : {
          level: renews || endsAtMs - nowMs > SHORT_MS ? 'ok' : 'warning',
          topic: 'token',
          text: `valid for ${minutes(endsAtMs - nowMs)}, until ${new Date(endsAtMs).toISOString()}${renews ? '' : ENDS_THEN}`,
        };
  if (claims === undefined) return [life];
  const who = [
    claims.name === undefined ? [] : [printable(claims.name)],
    claims.appid === undefined ? [] : [`application ${printable(claims.appid)}`],
    claims.tid === undefined ? [] : [`tenant ${printable(claims.tid)}`],
    claims.aud === undefined ? [] : [`for ${printable(claims.aud)}`],
  ].flat();
  return [...(who.length === 0 ? [] : [{ level: 'ok', topic: 'token', text: who.join(', ') } as const]), life];
}

function minutes(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 60_000));
  return whole === 1 ? '1 minute' : `${whole} minutes`;
}

/** A claim comes from outside and goes to a terminal. */
function printable(text: string): string {
  return withoutHostile(text).slice(0, 200);
}
