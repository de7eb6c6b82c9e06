import type { Cloud, Region } from './job.ts';

interface CloudHosts {
  apiUrl: string;
  resource: string;
  authorityUrl: string;
  /** Hosts by region; a cloud without any has none. */
  regions: Partial<Record<Region, string>>;
  /** Other addresses of the same API that Microsoft has documented, for `--api-url`. */
  aliases: readonly string[];
}

/** docs/defender-api.md, section 6. The `security.microsoft.com` hosts accept tokens for the older resource name. */
const COMMERCIAL_RESOURCE = 'https://api.securitycenter.microsoft.com';

export const CLOUDS: Readonly<Record<Cloud, CloudHosts>> = {
  commercial: {
    apiUrl: 'https://api.security.microsoft.com',
    resource: COMMERCIAL_RESOURCE,
    authorityUrl: 'https://login.microsoftonline.com',
    regions: {
      us: 'https://us.api.security.microsoft.com',
      eu: 'https://eu.api.security.microsoft.com',
      uk: 'https://uk.api.security.microsoft.com',
      au: 'https://au.api.security.microsoft.com',
      swa: 'https://swa.api.security.microsoft.com',
      ina: 'https://ina.api.security.microsoft.com',
      aea: 'https://aea.api.security.microsoft.com',
    },
    aliases: [
      COMMERCIAL_RESOURCE,
      'https://api.securitycenter.windows.com',
      'https://api-us.securitycenter.microsoft.com',
      'https://api-eu.securitycenter.microsoft.com',
      'https://api-uk.securitycenter.microsoft.com',
      'https://api-au.securitycenter.microsoft.com',
    ],
  },
  gcc: {
    apiUrl: 'https://api-gcc.securitycenter.microsoft.us',
    resource: 'https://api-gcc.securitycenter.microsoft.us',
    authorityUrl: 'https://login.microsoftonline.com',
    regions: {},
    aliases: [],
  },
  'gcc-high': {
    apiUrl: 'https://api-gov.securitycenter.microsoft.us',
    resource: 'https://api-gov.securitycenter.microsoft.us',
    authorityUrl: 'https://login.microsoftonline.us',
    regions: {},
    aliases: [],
  },
  dod: {
    apiUrl: 'https://api-gov.securitycenter.microsoft.us',
    resource: 'https://api-gov.securitycenter.microsoft.us',
    authorityUrl: 'https://login.microsoftonline.us',
    regions: {},
    aliases: [],
  },
};

/** 127.0.0.0/8, [::1] and localhost, as `URL.hostname` spells them. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** Whether an address is exactly one of Microsoft's for this cloud, with nothing after the host: what a ledger or a job may lead to without a word of this session. */
export function isKnownHost(kind: 'api' | 'login', cloud: Cloud, address: string): boolean {
  const { apiUrl, authorityUrl, regions, aliases } = CLOUDS[cloud];
  const known = kind === 'login' ? [authorityUrl] : [apiUrl, ...Object.values(regions), ...aliases];
  return known.includes(address.replace(/\/$/, ''));
}
