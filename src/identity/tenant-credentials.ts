import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Env } from './credential-source.ts';
import { CREDENTIAL_VARIABLES } from './find-credential.ts';
import { namesIn } from './secret-value.ts';
import type { CredentialKind } from './token-source.ts';

/** Files of tenants, by their endings, and how each signs in. */
const KINDS = {
  pem: { kind: 'certificate', variable: 'AZURE_CLIENT_CERTIFICATE_PATH' },
  secret: { kind: 'client-secret', variable: 'AZURE_CLIENT_SECRET_FILE' },
} as const satisfies Record<string, { kind: CredentialKind; variable: string }>;

/** As Entra spells tenants: a GUID, or a domain. Nothing else is looked for in a folder of secrets. */
const TENANT = /^[0-9a-z](?:[0-9a-z-]*[0-9a-z])?(?:\.[0-9a-z](?:[0-9a-z-]*[0-9a-z])?)*$/;

/** How one tenant is signed in, alone: no other credential that a process was given is in `env`, and no application. */
export interface TenantCredential {
  kind: CredentialKind;
  env: Env;
}

/**
 * `--credentials DIR`: customers' own applications, `<tenant>.pem` (certificate and key) or `<tenant>.secret` each. Read anew for each session, as a
 * cluster replaces the files while we run.
 */
export class TenantCredentials {
  /** Absolute. */
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** How many tenants it is for, and a sentence for each name that is no tenant's or stands beside another of the same tenant. Throws a UsageError for what is no folder. */
  async look(): Promise<{ tenants: number; doubts: string[] }> {
    const tenants = new Map<string, string>();
    const doubts: string[] = [];
    for (const name of await this.#names()) {
      const tenant = ownerOf(name)?.tenant;
      const other = tenant === undefined ? undefined : tenants.get(tenant);
      if (tenant === undefined) {
        doubts.push(`${this.folder}: "${name}" is used for nobody: name it TENANT.pem or TENANT.secret`);
      } else if (other === undefined) {
        tenants.set(tenant, name);
      } else {
        doubts.push(twice(this.folder, [other, name]));
      }
    }
    return { tenants: tenants.size, doubts };
  }

  /** Undefined where the folder holds nothing for this tenant. Throws a UsageError where it holds two files, or cannot be read. */
  async of(tenant: string, env: Env): Promise<TenantCredential | undefined> {
    const asked = tenant.toLowerCase();
    const [own, ...others] = (await this.#names()).flatMap((name) => {
      const owner = ownerOf(name);
      return owner?.tenant === asked ? [{ name, ...owner }] : [];
    });
    if (own === undefined) return undefined;
    if (others.length > 0) {
      throw new UsageError(
        twice(
          this.folder,
          [own, ...others].map(({ name }) => name),
        ),
      );
    }
    const without = Object.entries(env).filter(([each]) => !CREDENTIAL_VARIABLES.includes(each));
    return { kind: own.kind, env: { ...Object.fromEntries(without), [own.variable]: join(this.folder, own.name) } };
  }

  async #names(): Promise<string[]> {
    // A cluster's volume has folders of its own in it, whose names begin so.
    return (await namesIn(this.folder, '--credentials')).filter((name) => !name.startsWith('.')).sort();
  }
}

/** Whose a file is by its name, and how it signs in; undefined for nobody's. */
function ownerOf(name: string): { tenant: string; kind: CredentialKind; variable: string } | undefined {
  const [, tenant = '', ending] = /^(.*)\.(pem|secret)$/.exec(name.toLowerCase()) ?? [];
  return TENANT.test(tenant) ? { tenant, ...KINDS[ending as keyof typeof KINDS] } : undefined;
}

function twice(folder: string, names: readonly string[]): string {
  return `${folder}: ${names.join(' and ')} are for the same tenant: remove all but one, so that it is clear which counts`;
}
