import { UsageError } from '../errors.ts';
import type { Env } from './credential-source.ts';
import { secretVariable } from './secret-value.ts';
import type { CredentialKind } from './token-source.ts';

/** Which credential is used, and why; holds names of variables and no values. */
export interface FoundCredential {
  kind: CredentialKind;
  /** The variables it comes from, the deciding one first. Empty for kinds that need none. */
  from: readonly string[];
  /** One sentence for `check`. */
  why: string;
  /** What the environment would offer too and is not used, for `check`. */
  ignored: readonly { kind: CredentialKind; from: readonly string[] }[];
}

interface Place {
  kind: CredentialKind;
  /** The variables that offer this kind, where all of one list are set. Empty where nothing in the environment tells. */
  variables: readonly (readonly string[])[];
  /** Whether such a variable may instead be one of the same name with `_FILE`, which names a file that holds it. */
  inFile?: true;
  /** A variable, or one of the same name with `_FILE`, that is read with them where it is set. */
  beside?: string;
  /** Set when `--auth` is required for it, because nothing in the environment tells. */
  onlyWhenAsked?: true;
  /** What the kind needs, for the sentence that misses it. */
  needs: string;
  /** Whether a tenant and an application must be named. */
  needsApplication: boolean;
}

/**
 * The order in which credentials are looked for when `--auth` is not given: the most deliberate first. The table
 * of docs/sign-in.md is checked against this one, and help texts show it.
 */
export const CREDENTIAL_ORDER: readonly Place[] = [
  {
    kind: 'token',
    variables: [['COUNTERMAND_TOKEN']],
    inFile: true,
    needs: 'COUNTERMAND_TOKEN (or COUNTERMAND_TOKEN_FILE)',
    needsApplication: false,
  },
  {
    kind: 'client-secret',
    variables: [['AZURE_CLIENT_SECRET']],
    inFile: true,
    needs: 'AZURE_CLIENT_SECRET (or AZURE_CLIENT_SECRET_FILE)',
    needsApplication: true,
  },
  {
    kind: 'certificate',
    variables: [['AZURE_CLIENT_CERTIFICATE_PATH']],
    beside: 'AZURE_CLIENT_CERTIFICATE_PASSWORD',
    needs: 'AZURE_CLIENT_CERTIFICATE_PATH (a PEM file with certificate and key)',
    needsApplication: true,
  },
  {
    kind: 'workload-identity',
    variables: [['AZURE_FEDERATED_TOKEN_FILE']],
    needs: 'AZURE_FEDERATED_TOKEN_FILE (set in the pod by the workload identity webhook)',
    needsApplication: true,
  },
  {
    kind: 'managed-identity',
    // App Service, Container Apps and their like announce themselves; a bare virtual machine has no variable.
    variables: [['IDENTITY_ENDPOINT', 'IDENTITY_HEADER'], ['MSI_ENDPOINT']],
    needs: 'nothing but a managed identity on this machine',
    needsApplication: false,
  },
  {
    kind: 'device-code',
    variables: [],
    onlyWhenAsked: true,
    needs: '--tenant and --client-id',
    needsApplication: true,
  },
];

/** Every variable that a credential may come from, or that says which application it is of. */
export const CREDENTIAL_VARIABLES: readonly string[] = [
  ...CREDENTIAL_ORDER.flatMap(({ variables, beside }) => [
    ...variables.flat(),
    ...(beside === undefined ? [] : [beside]),
  ]),
  ...[
    'AZURE_CLIENT_CERTIFICATE_KEY_PATH',
    'MSI_SECRET',
    'AZURE_CLIENT_ID',
    'COUNTERMAND_CLIENT_ID',
    'COUNTERMAND_AUTH',
  ],
].flatMap((name) => [name, `${name}_FILE`]);

/**
 * Finds the credential: the kind of `--auth` (or the job), else the first of CREDENTIAL_ORDER that the environment
 * offers. Throws a UsageError that names what is missing.
 */
export function findCredential(
  env: Env,
  auth: { kind: CredentialKind | undefined },
  identity: { tenant: string | undefined; clientId: string | undefined },
): FoundCredential {
  const offers = CREDENTIAL_ORDER.flatMap((each) => {
    const { kind } = each;
    // A doubly set variable matters only for the kind that is used.
    if (auth.kind !== undefined && auth.kind !== kind) return [];
    const from = offeredBy(each, env);
    return from === undefined ? [] : [{ kind, from }];
  });
  const place = CREDENTIAL_ORDER.find(({ kind }) => kind === (auth.kind ?? offers[0]?.kind));
  if (place === undefined) {
    throw new UsageError(
      `no credential was found; set one of ${CREDENTIAL_ORDER.filter(
        (each) => !each.onlyWhenAsked && each.kind !== 'managed-identity',
      )
        .map((each) => each.needs)
        .join(', ')}, or give --auth managed-identity or --auth device-code`,
    );
  }
  const { kind, needs, needsApplication } = place;
  const from = offers.find((each) => each.kind === kind)?.from;
  if (from === undefined && kind !== 'managed-identity' && kind !== 'device-code') {
    throw new UsageError(
      `--auth ${kind} needs ${needs}, which is not set; set it, or leave out --auth to use what is found`,
    );
  }
  if (needsApplication) {
    const missing = [
      ...(identity.tenant ? [] : ['--tenant (or AZURE_TENANT_ID)']),
      ...(identity.clientId ? [] : ['--client-id (or AZURE_CLIENT_ID)']),
    ];
    if (missing.length > 0) {
      throw new UsageError(`${kind} (${from?.[0] ?? '--auth'}) also needs ${missing.join(' and ')}; give it`);
    }
  }
  const reason = auth.kind === undefined ? `because ${from?.join(' and ')} is set` : 'because --auth names it';
  return {
    kind,
    from: from ?? [],
    why: `${kind} is used, ${reason}`,
    ignored: offers.filter((each) => each.kind !== kind),
  };
}

/** The variables that offer a kind, as they are set; undefined where they are not. Throws a UsageError where one is set in both ways. */
function offeredBy({ variables, inFile }: Place, env: Env): readonly string[] | undefined {
  for (const names of variables) {
    const found = names.map((name) => (inFile ? secretVariable(env, name) : env[name] ? name : undefined));
    if (found.every((name) => name !== undefined)) return found;
  }
  return undefined;
}
