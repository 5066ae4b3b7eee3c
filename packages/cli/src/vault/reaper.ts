/** How the watchdog logs in to Vault: with an AppRole, or with its client certificate. */
import { X509Certificate } from 'node:crypto';
import { mountCall, type VaultCall } from './call.ts';
import { VaultSetupError } from './error.ts';
import { reaperPolicyName } from './policies.ts';

export type ReaperRole = {
  /** Also names the policy: `airlock-<roleName>`. */
  readonly roleName: string;
  /** With it the watchdog logs in by certificate, and no AppRole is made. */
  readonly certificate?: ReaperCertificate;
};

export type ReaperCertificate = {
  /** The watchdog's own certificate, and then no other logs in; or that of an authority. */
  readonly pem: string;
  /** The one URI that a certificate of that authority must name. Required with an authority, refused without. */
  readonly uri?: string;
};

/** @throws VaultSetupError `vault-setup-invalid` */
export function reaperCalls(
  { roleName, certificate }: ReaperRole,
  gateCidrs: readonly string[],
): VaultCall[] {
  const token = {
    token_policies: [reaperPolicyName(roleName)],
    token_no_default_policy: true,
    // One pass of the watchdog; it logs in afresh for each and renews nothing.
    token_ttl: 60,
    token_max_ttl: 60,
    token_type: 'service',
    token_period: 0,
    token_num_uses: 0,
    token_bound_cidrs: gateCidrs,
  };
  if (certificate !== undefined) {
    const { pem, uris } = checkedCertificate(certificate);
    return [
      mountCall('sys/auth', 'cert', { type: 'cert', description: 'Airlock watchdog' }),
      {
        what: `certificate role ${roleName}`,
        method: 'POST',
        path: `auth/cert/certs/${roleName}`,
        body: { certificate: pem, allowed_uri_sans: uris, ...token },
      },
    ];
  }
  return [
    mountCall('sys/auth', 'approle', { type: 'approle', description: 'Airlock watchdog' }),
    {
      what: `AppRole ${roleName}`,
      method: 'POST',
      path: `auth/approle/role/${roleName}`,
      body: { bind_secret_id: true, secret_id_num_uses: 0, ...token },
    },
  ];
}

function checkedCertificate({ pem, uri }: ReaperCertificate): { pem: string; uris: string[] } {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (cause) {
    const what = 'the watchdog’s certificate cannot be read; give one certificate as PEM';
    throw new VaultSetupError('vault-setup-invalid', what, { cause });
  }
  if (certificate.ca && uri === undefined) {
    throw new VaultSetupError(
      'vault-setup-invalid',
      `${certificate.subject} is an authority: whatever it signs would log in as the watchdog; give the URI that the watchdog's certificate names, or that certificate itself`,
    );
  }
  if (!certificate.ca && uri !== undefined) {
    throw new VaultSetupError(
      'vault-setup-invalid',
      `${certificate.subject} is no authority, so that no other certificate logs in; leave the URI out`,
    );
  }
  return { pem, uris: uri === undefined ? [] : [uri] };
}
