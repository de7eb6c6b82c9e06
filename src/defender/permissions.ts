import { withoutHostile } from '../clean.ts';
import type { TokenClaims } from '../identity/claims.ts';
import type { CheckLine } from '../identity/sign-in-report.ts';

/**
 * The permissions that allow a cancel, and the action types that each is for; one is enough. The names are the same for
 * applications and people. Whether Defender asks for the type's own is not documented (docs/defender-api.md,
 * section 7).
 */
export const CANCEL_PERMISSIONS = {
  'Machine.CollectForensics': ['CollectInvestigationPackage'],
  'Machine.Isolate': ['Isolate', 'Unisolate'],
  'Machine.RestrictExecution': ['RestrictCodeExecution', 'UnrestrictCodeExecution'],
  'Machine.Scan': ['RunAntiVirusScan'],
  'Machine.Offboard': ['Offboard'],
  'Machine.StopAndQuarantine': ['StopAndQuarantineFile'],
  'Machine.LiveResponse': ['LiveResponse'],
} as const satisfies Record<string, readonly string[]>;

/** Cancel permissions do not include looking up: for that it takes one of these. */
export const READ_PERMISSIONS = {
  application: ['Machine.Read.All', 'Machine.ReadWrite.All'],
  delegated: ['Machine.Read', 'Machine.ReadWrite'],
} as const;

/** The API's name in the portal, where permissions are added. */
const API_NAME = 'WindowsDefenderATP';

/** What commercial tokens for the API carry as `aud`: its resource names, and the application ID that v2 tokens have. */
const COMMERCIAL_AUDIENCES = [
  'https://api.securitycenter.microsoft.com',
  'https://api.security.microsoft.com',
  'https://api.securitycenter.windows.com',
  'https://securitycenter.onmicrosoft.com/windowsatpservice',
  'fc780465-2017-40d4-a0c5-307022471b92',
];

export interface Expected {
  /** `<resource>/.default`, as resolveHosts gives it. */
  scope: string;
  /** Compared only when it is a GUID: a token names no domains. */
  tenant: string;
  /** Empty when it is not known (a system-assigned identity). */
  clientId: string;
  /** How many actions of each type are to be cancelled, once that is known. */
  types?: ReadonlyMap<string, number>;
}

export interface Mismatch {
  claim: 'tid' | 'appid' | 'aud';
  sentence: string;
}

export interface PermissionAssessment {
  /** Whose permissions the token carries. `opaque`: it cannot be read, and Defender decides. */
  bearer: 'application' | 'delegated' | 'nobody' | 'opaque';
  /** All permissions named by the token. */
  granted: readonly string[];
  /** Undefined when it cannot be told. */
  canCancel: boolean | undefined;
  /** Undefined when it cannot be told. */
  canRead: boolean | undefined;
  /** What is missing and how to grant it. The first is about cancelling when `canCancel` is false. */
  missing: readonly string[];
  /** The token is for somebody or something else than asked for. */
  mismatches: readonly Mismatch[];
  /** What may go wrong for a part of the list, and notes. */
  warnings: readonly string[];
}

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Compares what a token says with what is needed. The token is not trusted: Defender has the last word. */
export function assessPermissions(claims: TokenClaims | undefined, expected: Expected): PermissionAssessment {
  if (claims === undefined) {
    return {
      bearer: 'opaque',
      granted: [],
      canCancel: undefined,
      canRead: undefined,
      missing: [],
      mismatches: [],
      warnings: ['the token is opaque, so its permissions cannot be checked before the first call'],
    };
  }
  // A token for an application has `roles`, one for a person `scp`, which may come with roles of the person.
  const bearer = claims.scp !== undefined ? 'delegated' : claims.roles !== undefined ? 'application' : 'nobody';
  const granted = claims.scp ?? claims.roles ?? [];
  const cancelNames = Object.keys(CANCEL_PERMISSIONS);
  const readNames = READ_PERMISSIONS[bearer === 'delegated' ? 'delegated' : 'application'];
  const canCancel = cancelNames.some((name) => granted.includes(name));
  const canRead = readNames.some((name) => granted.includes(name));
  const how = howToGrant(bearer, claims.appid ?? expected.clientId);
  const missing = [
    ...(canCancel
      ? []
      : [`the token has none of the permissions that allow a cancel (${cancelNames.join(', ')}); ${how}`]),
    ...(canRead
      ? []
      : [
          `the token may not look actions up (${readNames.join(' or ')}): nothing can be screened or confirmed, and guards on type, requestor, machine or age cannot work; ${how}`,
        ]),
  ];
  return {
    bearer,
    granted,
    canCancel,
    canRead,
    missing,
    mismatches: mismatchesOf(claims, expected),
    warnings: canCancel ? typeWarnings(granted, expected.types) : [],
  };
}

/** The assessment as lines of `check`: no right to cancel and a token for somebody else are wrong, the rest are warnings. */
export function permissionLines({
  bearer,
  granted,
  canCancel,
  missing,
  mismatches,
  warnings,
}: PermissionAssessment): CheckLine[] {
  const topic = 'permissions';
  const names = granted.map(plain).join(', ');
  return [
    ...(canCancel === true ? [{ level: 'ok', topic, text: `${bearer} permissions: ${names}` } as const] : []),
    ...missing.map(
      (text, at): CheckLine => ({ level: canCancel === false && at === 0 ? 'wrong' : 'warning', topic, text }),
    ),
    ...mismatches.map(({ sentence }): CheckLine => ({ level: 'wrong', topic, text: sentence })),
    ...warnings.map((text): CheckLine => ({ level: 'warning', topic, text })),
  ];
}

function howToGrant(bearer: PermissionAssessment['bearer'], clientId: string): string {
  const kind = bearer === 'delegated' ? 'Delegated' : 'Application';
  const application = clientId === '' ? 'the application' : `application ${clientId}`;
  return `add it to ${application} under API permissions, API ${API_NAME}, ${kind} permissions, grant admin consent, and sign in again`;
}

function mismatchesOf({ tid, appid, aud }: TokenClaims, { tenant, clientId, scope }: Expected): Mismatch[] {
  const found: Mismatch[] = [];
  if (tid !== undefined && GUID.test(tenant) && tid.toLowerCase() !== tenant.toLowerCase()) {
    found.push({
      claim: 'tid',
      sentence: `the token is for tenant ${plain(tid)}, but ${tenant} is named; get a token of that tenant, or correct --tenant`,
    });
  }
  if (appid !== undefined && clientId !== '' && appid.toLowerCase() !== clientId.toLowerCase()) {
    found.push({
      claim: 'appid',
      sentence: `the token is for application ${plain(appid)}, but ${clientId} is named; get a token of that application, or correct --client-id`,
    });
  }
  const resource = scope.replace(/\/\.default$/, '');
  const accepted = COMMERCIAL_AUDIENCES.includes(resource) ? [...COMMERCIAL_AUDIENCES, resource] : [resource];
  if (aud !== undefined && !accepted.includes(aud.replace(/\/+$/, '').toLowerCase())) {
    found.push({
      claim: 'aud',
      sentence: `the token is meant for ${plain(aud)} and not for Defender, which would answer 403; ask for one with scope ${scope}`,
    });
  }
  return found;
}

function typeWarnings(granted: readonly string[], types: Expected['types']): string[] {
  const warnings: string[] = [];
  for (const [permission, covered] of Object.entries(CANCEL_PERMISSIONS)) {
    if (granted.includes(permission)) continue;
    for (const type of covered) {
      const count = types?.get(type) ?? 0;
      if (count === 0) continue;
      warnings.push(
        `${count} ${count === 1 ? 'action is' : 'actions are'} of type ${type}, and the token lacks ${permission}: Defender may refuse ${count === 1 ? 'it' : 'them'}`,
      );
    }
  }
  return warnings;
}

/** A claim comes from outside and goes to a terminal. */
function plain(text: string): string {
  return withoutHostile(text).slice(0, 100);
}
