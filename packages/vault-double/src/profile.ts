/** Where the servers that this stand-in imitates differ in what they answer. */
import type { Reply } from './api.ts';

export type ProfileName = 'vault-1.8' | 'vault-1.2x' | 'openbao-2.6';

export type Profile = {
  readonly name: ProfileName;
  /** What health and seal-status say; the suffix tells people what they really talk to. */
  readonly version: string;
  readonly tokenPrefix: 's.' | 'hvs.';
  /** A request without any token. */
  readonly missingToken: { readonly status: 400 | 403; readonly error: string };
  readonly wrongRoleId: string;
  readonly wrongSecretId: string;
  /** A secret id wanted for an AppRole that does not exist. */
  readonly absentAppRole: 400 | 404;
  /** Refused logins of one AppRole that lock it for a quarter of an hour; null where nothing is locked. */
  readonly lockoutThreshold: 5 | null;
  /** `.` or `..` written out in a path: Go's router cleans the path and sends the caller there. */
  readonly dotSegments: 301 | 307;
  /** The same percent-encoded: cleaned like the plain ones, or refused with 400. */
  readonly encodedDotSegments: 'redirected' | 'refused';
  /** Revoking by an accessor that is gone: 400 `invalid accessor`, or 200 with a warning. */
  readonly absentAccessor: 'refused' | 'warned';
  /** Whether a lease's lookup names its path. */
  readonly leaseLookupHasPath: boolean;
  /** Transit's `associated_data`: taken without a word and not used, or bound to the ciphertext. */
  readonly associatedData: 'ignored' | 'bound';
  /** Status of transit's `cipher: message authentication failed`, which is for good under both. */
  readonly wrongTransitKey: 400 | 500;
  /** A login by certificate on a connection that showed none. */
  readonly noClientCertificate: string;
};

const oneCredentialText = 'invalid role or secret ID';

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  'vault-1.8': {
    name: 'vault-1.8',
    version: '1.8.12-airlock-double',
    tokenPrefix: 's.',
    missingToken: { status: 400, error: 'missing client token' },
    wrongRoleId: 'invalid role ID',
    wrongSecretId: 'invalid secret id',
    absentAppRole: 400,
    lockoutThreshold: null,
    dotSegments: 301,
    encodedDotSegments: 'redirected',
    absentAccessor: 'refused',
    leaseLookupHasPath: false,
    associatedData: 'ignored',
    wrongTransitKey: 500,
    noClientCertificate: 'client certificate must be supplied',
  },
  'vault-1.2x': {
    name: 'vault-1.2x',
    version: '1.20.4-airlock-double',
    tokenPrefix: 'hvs.',
    missingToken: { status: 403, error: 'permission denied' },
    wrongRoleId: oneCredentialText,
    wrongSecretId: oneCredentialText,
    absentAppRole: 400,
    lockoutThreshold: 5,
    dotSegments: 301,
    encodedDotSegments: 'refused',
    absentAccessor: 'refused',
    leaseLookupHasPath: false,
    associatedData: 'bound',
    wrongTransitKey: 400,
    noClientCertificate: 'client certificate must be supplied',
  },
  'openbao-2.6': {
    name: 'openbao-2.6',
    version: '2.6.2-airlock-double',
    tokenPrefix: 's.',
    missingToken: { status: 403, error: 'permission denied' },
    wrongRoleId: oneCredentialText,
    wrongSecretId: oneCredentialText,
    absentAppRole: 404,
    lockoutThreshold: 5,
    dotSegments: 307,
    encodedDotSegments: 'refused',
    absentAccessor: 'warned',
    leaseLookupHasPath: true,
    associatedData: 'bound',
    wrongTransitKey: 400,
    noClientCertificate: 'no client certificate found',
  },
};

/**
 * What a path with `.` or `..` segments gets instead of an answer; null for every other path.
 *
 * @param raw the request's path as it was sent, before any URL parser cleaned it.
 */
export function refuseDots(raw: string, profile: Profile): Reply | null {
  const segments = raw.split('/');
  const isDots = (segment: string) => segment === '.' || segment === '..';
  const plain = segments.some(isDots);
  const encoded = segments.some((segment) => isDots(segment.replaceAll(/%2e/gi, '.')));
  if (!encoded) return null;
  if (!plain && profile.encodedDotSegments === 'refused') {
    return { status: 400, body: { errors: ['relative paths not supported'] } };
  }
  const Location = new URL(raw, 'http://double.invalid').pathname;
  return { status: profile.dotSegments, headers: { Location } };
}
