import type { WireResult } from '../../defender/transport.ts';
import type { Finding } from '../check-findings.ts';

/** What came of asking the host. */
export interface Asked {
  result: WireResult;
  /** Epoch ms by this machine's clock. */
  sentAtMs: number;
  receivedAtMs: number;
}

const PASSING = new Set([408, 500, 502, 503, 504]);

/** Whether the host answers, over TLS that this machine trusts. */
export function hostFinding(apiUrl: string, { result, sentAtMs, receivedAtMs }: Asked): Finding {
  const { host, protocol } = new URL(apiUrl);
  if ('error' in result) {
    return { level: 'wrong', topic: 'host', text: trouble(host, result.error), exitCode: 6 };
  }
  const { http } = result.raw;
  if (PASSING.has(http)) {
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
