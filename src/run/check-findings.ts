import { isUnavailable, type RawAnswer, readAnswer, skewOf } from '../defender/read-answer.ts';
import type { WireResult } from '../defender/transport.ts';
import { describeDuration } from '../duration.ts';
import type { CountermandError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { CheckLine } from '../identity/sign-in-report.ts';
import type { WindowLeft } from '../quota/quota.ts';

/** Bad settings, refused, only out of reach. */
export type WrongExit = 2 | 4 | 6;

/** One line of `check`. The text of a line that is not ok ends with what to do. */
export type Finding = {
  topic: CheckLine['topic'] | 'settings' | 'host' | 'clock' | 'read' | 'ledgers' | 'quota';
  text: string;
} & ({ level: 'ok' | 'warning' } | { level: 'wrong'; exitCode: WrongExit });

/** What has to be put right first decides: settings, then credentials, then what only waiting helps. */
export function exitCodeOfFindings(findings: readonly Finding[]): Extract<ExitCode, 0 | WrongExit> {
  const codes = findings.flatMap((each) => (each.level === 'wrong' ? [each.exitCode] : []));
  return codes.length === 0 ? 0 : (Math.min(...codes) as WrongExit);
}

/** Lines of sign-in and permissions: what is wrong there is a refusal. */
export function findingsOf(lines: readonly CheckLine[]): Finding[] {
  return lines.map(({ level, topic, text }) =>
    level === 'wrong' ? { level, topic, text, exitCode: 4 } : { level, topic, text },
  );
}

/** An error that a person can act on as lines, one for each line of its message. */
export function wrongBy(topic: Finding['topic'], { lines, exitCode }: CountermandError): Finding[] {
  const code: WrongExit = exitCode === 2 || exitCode === 6 ? exitCode : 4;
  return lines.map((text) => ({ level: 'wrong', topic, text, exitCode: code }));
}

/** Below it the clocks agree as well as a header in whole seconds can tell. */
const NOTABLE_MS = 2000;

/** Entra refuses assertions, and tokens seem expired or not yet valid, when the clocks differ by more. */
const TOLERATED_MS = 300_000;

/** This machine's clock against the `Date` of the answer; undefined when there was none. */
export function clockFinding({ result, sentAtMs, receivedAtMs }: Asked): Finding | undefined {
  const dateMs = 'raw' in result ? skewOf(result.raw, 0) : undefined;
  if (dateMs === undefined) return undefined;
  const topic = 'clock';
  // The header was cut to its second, somewhen between send and answer.
  const least = dateMs - receivedAtMs;
  const most = dateMs + 1000 - sentAtMs;
  if (least <= NOTABLE_MS && most >= -NOTABLE_MS) {
    return { level: 'ok', topic, text: "this machine's clock agrees with Defender's" };
  }
  const skewMs = least > 0 ? least : -most;
  const message = `this machine's clock is ${describeDuration(skewMs)} ${least > 0 ? 'behind' : 'ahead of'} Defender's`;
  const harm =
    skewMs > TOLERATED_MS
      ? 'sign-in by certificate fails with it, and ages such as createdBefore: 7d are wrong by it'
      : 'the quota allows for it, but ages such as createdBefore: 7d are wrong by it';
  return { level: 'warning', topic, text: `${message}: ${harm}; set the clock, and keep it by NTP` };
}

/** What came of asking the host. */
export interface Asked {
  result: WireResult;
  /** Epoch ms by this machine's clock. */
  sentAtMs: number;
  receivedAtMs: number;
}

/** Whether the host answers, over TLS that this machine trusts. */
export function hostFinding(apiUrl: string, { result, sentAtMs, receivedAtMs }: Asked): Finding {
  const { host, protocol } = new URL(apiUrl);
  if ('error' in result) {
    return { level: 'wrong', topic: 'host', text: trouble(host, result.error), exitCode: 6 };
  }
  const { http } = result.raw;
  if (isUnavailable(http)) {
    const text = `${host} answers HTTP ${http}: Defender or a proxy on the way is out of order; run check again later`;
    return { level: 'wrong', topic: 'host', text, exitCode: 6 };
  }
  if (http === 407 || (http >= 300 && http < 400)) {
    const text = `${host} answers HTTP ${http}, which Defender does not: look for a proxy or login page in between, and check HTTPS_PROXY and NO_PROXY`;
    return { level: 'wrong', topic: 'host', text, exitCode: 6 };
  }
  const how = protocol === 'https:' ? 'over TLS' : 'over plain HTTP, which only loopback may use,';
  return { level: 'ok', topic: 'host', text: `${host} answers ${how} in ${receivedAtMs - sentAtMs} ms` };
}

/** Why there was no answer. `code` is Node's, OpenSSL's or undici's own word. */
function trouble(host: string, code: string): string {
  if (code === 'timeout') return `${host} did not answer in time; check the network and HTTPS_PROXY`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `the name of ${host} is not known (${code}); check --cloud, --region or --api-url, DNS and HTTPS_PROXY`;
  }
  if (/SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)|CERT_UNTRUSTED/.test(code)) {
    return `${host} shows a certificate of an unknown authority (${code}); name the CA's file in NODE_EXTRA_CA_CERTS`;
  }
  if (/^CERT_|^ERR_TLS_CERT|SSL/.test(code)) {
    return `${host} shows a certificate that is not valid for it, or speaks no TLS (${code}); check the address and this machine's clock`;
  }
  return `no connection to ${host} (${code}); check the network and HTTPS_PROXY`;
}

/** What the ledgers of a place leave of each window. `nowMs` is monotonic, as the moments of the windows. */
export function quotaFindings(windows: readonly WindowLeft[], place: string, nowMs: number): Finding[] {
  return windows.map(({ calls, perMs, left, freeAtMs }) => {
    const per = `${calls} calls in ${describeDuration(perMs)}`;
    if (left > 0) return { level: 'ok', topic: 'quota', text: `${left} of ${per} left (per ${place})` };
    const next = freeAtMs[0];
    const when = next === undefined ? 'later' : `in ${describeDuration(Math.max(1000, next - nowMs))}`;
    const text = `0 of ${per} left (per ${place}); a run would start automatically ${when}`;
    return { level: 'warning', topic: 'quota', text };
  });
}

/** What one read of one action showed. `canRead` is what the token says of itself; undefined when it does not say. */
export function readFinding(raw: RawAnswer, nowWallMs: number, canRead: boolean | undefined): Finding {
  const topic = 'read';
  const answer = readAnswer({ route: 'list' }, raw, nowWallMs);
  const { http } = raw;
  switch (answer.kind) {
    case 'page':
      return { level: 'ok', topic, text: 'Defender answered a read of one machine action' };
    case 'throttled': {
      const wait = answer.retryAfterMs === undefined ? 'a minute' : describeDuration(answer.retryAfterMs);
      const text = `quota exhausted: another client uses this application. Wait ${wait}, then divide the quota with --quota-share`;
      return { level: 'warning', topic, text };
    }
    case 'error': {
      const named = answer.code === undefined ? `HTTP ${http}` : `HTTP ${http}, ${answer.code}`;
      if (http === 401) {
        const text = `Defender refused the token (${named}); check the tenant, the cloud and the application, then sign in again`;
        return { level: 'wrong', topic, text, exitCode: 4 };
      }
      if (http === 403 && canRead === false) {
        const text = `Defender refused the read (${named}), as expected without that permission; grant Machine.Read.All to screen and confirm`;
        return { level: 'warning', topic, text };
      }
      if (http === 403) {
        const text = `Defender refused the read (${named}); grant Machine.Read.All (a person also needs the role to view data) and sign in again`;
        return { level: 'wrong', topic, text, exitCode: 4 };
      }
      return {
        level: 'warning',
        topic,
        text: `Defender refused the read (${named}); check that error code; a run could not look up any action`,
      };
    }
    default: {
      const text = `HTTP ${http} came back with something that is not Defender's; look for a proxy or login page in between`;
      return { level: 'wrong', topic, text, exitCode: 6 };
    }
  }
}
