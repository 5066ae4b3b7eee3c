/** The TLS certificate auth method: who holds a certificate that a trusted one signed, with the names that the role wants. */
// Has to come before x509, whose container refuses to load without it.
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  X509Certificate as Decoded,
  SubjectKeyIdentifierExtension,
} from '@peculiar/x509';
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import {
  ApiFailure,
  type Reply,
  TextList,
  answer,
  noContent,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend, Call } from '../backend.ts';
import type { Clock } from '../clock.ts';
import type { Profile } from '../profile.ts';
import { authAnswer } from '../token-answers.ts';
import type { Tokens } from '../tokens.ts';
import { TokenFields, termsOf } from './token-fields.ts';

// Strict: a restriction that is not imitated is refused and not ignored.
const Role = z.strictObject({
  certificate: z.string().default(''),
  display_name: z.string().default(''),
  allowed_common_names: TextList.default([]),
  allowed_dns_sans: TextList.default([]),
  allowed_uri_sans: TextList.default([]),
  ...TokenFields.shape,
});
type Role = z.infer<typeof Role> & { trusted: readonly X509Certificate[] };
const Login = z.object({ name: z.string().default('') });

const clientAuthentication = '1.3.6.1.5.5.7.3.2';

export function createCertAuth({
  mount,
  clock,
  tokens,
  profile,
}: {
  mount: string;
  clock: Clock;
  tokens: Tokens;
  profile: Profile;
}): Backend {
  const roles = new Map<string, Role>();

  function login({ body, certificate }: Call): Reply {
    if (certificate === null) throw new ApiFailure(400, profile.noClientCertificate);
    const { name } = readBody(Login, body);
    const asked = [...roles].filter(([each]) => name === '' || each === name);
    const now = clock.now();
    requireWithinTime(certificate, now);
    const trusting = asked.filter(([, role]) => isTrusted(certificate, role.trusted, now));
    if (trusting.length === 0) {
      throw new ApiFailure(400, 'invalid certificate or no client certificate supplied');
    }
    requireForClients(certificate);
    const found = trusting.find(([, role]) => hasNamesOf(certificate, role));
    if (found === undefined) {
      throw new ApiFailure(
        400,
        'no chain matching all constraints could be found for this login certificate',
      );
    }
    const [roleName, role] = found;
    return authAnswer(
      tokens.create({
        path: `auth/${mount}/login`,
        displayName: `${mount}-${role.display_name === '' ? roleName : role.display_name}`,
        metadata: { cert_name: roleName, ...identifiersOf(certificate) },
        terms: termsOf(role),
        parent: null,
      }),
    );
  }

  const backend: Backend = (call) => {
    const { operation, path, body } = call;
    if (path === 'login') {
      if (operation !== 'update') throw unsupportedOperation();
      return login(call);
    }
    if (path === 'certs' || path === 'certs/') {
      if (operation !== 'list') throw unsupportedOperation();
      if (roles.size === 0) throw new ApiFailure(404);
      return answer({ data: { keys: [...roles.keys()].sort() } });
    }
    const [, name] = /^certs\/([^/]+)$/.exec(path) ?? [];
    if (name === undefined) throw unsupportedPath();
    if (operation === 'update') {
      const role = readBody(Role, body);
      roles.set(name, { ...role, trusted: parseCertificates(role.certificate) });
      return noContent;
    }
    if (operation === 'delete') {
      roles.delete(name);
      return noContent;
    }
    if (operation !== 'read') throw unsupportedOperation();
    const role = roles.get(name);
    if (role === undefined) throw new ApiFailure(404);
    return answer({ data: { ...role, trusted: undefined } });
  };
  return Object.assign(backend, { isOpen: (path: string) => path === 'login' });
}

function parseCertificates(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
  } catch {
    // Falls through to the same answer as a text without any certificate.
  }
  throw new ApiFailure(400, 'failed to parse certificate');
}

function isWithinTime(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
}

/** Signed by one of them, or one of them itself. */
function isTrusted(
  leaf: X509Certificate,
  trusted: readonly X509Certificate[],
  now: number,
): boolean {
  return trusted.some((anchor) =>
    anchor.ca
      ? leaf.checkIssued(anchor) && leaf.verify(anchor.publicKey) && isWithinTime(anchor, now)
      : anchor.fingerprint256 === leaf.fingerprint256,
  );
}

function requireWithinTime(leaf: X509Certificate, now: number): void {
  if (!isWithinTime(leaf, now)) throw unverified('certificate has expired or is not yet valid');
}

function requireForClients(leaf: X509Certificate): void {
  // Without the extension a certificate is good for everything; Node then answers undefined, which its types leave out.
  const usages = leaf.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && !usages.includes(clientAuthentication)) {
    throw unverified('certificate specifies an incompatible key usage');
  }
}

/** What Go's own check refuses is no bad request to Vault but an error: 500, and for good all the same. */
function unverified(reason: string): ApiFailure {
  return new ApiFailure(500, `failed to verify client's certificate: x509: ${reason}`);
}

function hasNamesOf(certificate: X509Certificate, role: Role): boolean {
  const alternatives = (certificate.subjectAltName ?? '').split(', ');
  const named = (kind: string) =>
    alternatives.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
  const demands: [readonly string[], readonly string[]][] = [
    [role.allowed_common_names, [commonNameOf(certificate)]],
    [role.allowed_dns_sans, named('DNS:')],
    [role.allowed_uri_sans, named('URI:')],
  ];
  return demands.every(
    ([allowed, names]) =>
      allowed.length === 0 ||
      names.some((name) => allowed.some((pattern) => matchesGlob(pattern, name))),
  );
}

/** Stars stand for anything, wherever they are. */
function matchesGlob(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.\\+?^${}()|[\]]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}

function commonNameOf(certificate: X509Certificate): string {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '';
}

function identifiersOf(certificate: X509Certificate): Record<string, string> {
  const decoded = new Decoded(certificate.raw);
  const subject = decoded.getExtension(SubjectKeyIdentifierExtension);
  const authority = decoded.getExtension(AuthorityKeyIdentifierExtension);
  return {
    common_name: commonNameOf(certificate),
    serial_number: BigInt(`0x${certificate.serialNumber}`).toString(),
    subject_key_id: withColons(subject?.keyId ?? ''),
    authority_key_id: withColons(authority?.keyId ?? ''),
  };
}

function withColons(hex: string): string {
  return hex.match(/../g)?.join(':') ?? '';
}
