/**
 * The PKI secrets engine: one root that stays inside, roles, certificates with their keys. A certificate has a lease only when
 * its role says `generate_lease`; without one nothing in Vault takes it back before its end.
 */
import { z } from 'zod';
import {
  ApiFailure,
  type Reply,
  TextList,
  Ttl,
  answer,
  multierror,
  noContent,
  randomName,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend, Call } from '../backend.ts';
import type { Clock } from '../clock.ts';
import { goDuration } from '../durations.ts';
import type { Leases } from '../leases.ts';
import {
  type Authority,
  createAuthority,
  issue,
  newKeyPair,
  pem,
  serialText,
} from './pki-certificate.ts';
import { isNameAllowed } from './pki-names.ts';

const KeyType = z.enum(['rsa', 'ec'], { error: 'this stand-in knows key types rsa and ec only' });
/** A list that this stand-in takes only empty. */
const NoneOf = TextList.pipe(z.array(z.string()).max(0, 'this stand-in knows none of these'));
// Strict: a restriction that is not imitated is refused and not ignored.
const Root = z.strictObject({
  common_name: z.string().default(''),
  ttl: Ttl.default(0),
  key_type: KeyType.default('rsa'),
  key_bits: z.int().default(0),
  issuer_name: z.string().default(''),
});
const Role = z.strictObject({
  allowed_domains: TextList.default([]),
  allow_any_name: z.boolean().default(false),
  allow_bare_domains: z.boolean().default(false),
  allow_subdomains: z.boolean().default(false),
  allow_localhost: z.boolean().default(true),
  enforce_hostnames: z.boolean().default(true),
  allow_wildcard_certificates: z.boolean().default(true),
  allow_glob_domains: z.literal(false).default(false),
  allowed_uri_sans: NoneOf.default([]),
  allowed_other_sans: NoneOf.default([]),
  code_signing_flag: z.literal(false).default(false),
  email_protection_flag: z.literal(false).default(false),
  allow_ip_sans: z.boolean().default(true),
  server_flag: z.boolean().default(true),
  client_flag: z.boolean().default(true),
  key_type: KeyType.default('rsa'),
  key_bits: z.int().default(0),
  ttl: Ttl.default(0),
  max_ttl: Ttl.default(0),
  not_before_duration: Ttl.default(30),
  generate_lease: z.boolean().default(false),
  no_store: z.boolean().default(false),
});
type Role = z.infer<typeof Role>;
const Issue = z.strictObject({
  common_name: z.string().default(''),
  alt_names: TextList.default([]),
  ttl: Ttl.default(0),
  format: z.literal('pem', { error: 'this stand-in answers in PEM only' }).default('pem'),
  private_key_format: z.enum(['der', 'pkcs8']).default('der'),
});

const defaultTtlSeconds = 768 * 3600;

export function createPkiEngine({
  mount,
  clock,
  leases,
}: {
  mount: string;
  clock: Clock;
  leases: Leases;
}): Backend {
  const roles = new Map<string, Role>();
  let authority: Authority | null = null;

  const at = (seconds: number) => new Date(clock.now() + seconds * 1000);

  async function generateRoot(body: Record<string, unknown>): Promise<Reply> {
    const request = readBody(Root, body);
    authority = await createAuthority({
      commonName: request.common_name,
      keyType: request.key_type,
      keyBits: request.key_bits,
      notBefore: at(-30),
      notAfter: at(request.ttl || defaultTtlSeconds),
    });
    const { certificate } = authority;
    return answer({
      data: {
        certificate: pem(certificate),
        issuing_ca: pem(certificate),
        serial_number: serialText(certificate),
        expiration: unixSeconds(certificate.notAfter),
        issuer_name: request.issuer_name,
      },
    });
  }

  function requireAuthority(): Authority {
    if (authority !== null) return authority;
    throw new ApiFailure(
      500,
      multierror(
        'could not fetch the CA certificate (was one set?): no default issuer currently configured',
      ),
    );
  }

  function lifeOf(role: Role, askedSeconds: number) {
    const longest = role.max_ttl || defaultTtlSeconds;
    const wanted = askedSeconds || role.ttl || longest;
    const warnings =
      wanted > longest
        ? [
            `TTL "${goDuration(wanted)}" is longer than permitted maxTTL "${goDuration(longest)}", so maxTTL is being used`,
          ]
        : [];
    return { seconds: Math.min(wanted, longest), warnings };
  }

  async function issueFor(name: string, { body, token }: Call): Promise<Reply> {
    if (token === null) throw new ApiFailure(403, 'permission denied');
    const role = roles.get(name);
    if (role === undefined) throw new ApiFailure(400, `unknown role: ${name}`);
    const signer = requireAuthority();
    const request = readBody(Issue, body);
    const { common_name: commonName, alt_names: altNames } = request;
    requireNames(role, commonName, altNames);
    const { seconds, warnings } = lifeOf(role, request.ttl);
    const notAfter = at(seconds);
    if (notAfter > signer.certificate.notAfter) {
      throw new ApiFailure(
        400,
        `cannot satisfy request, as TTL would result in notAfter of ${notAfter.toISOString()} that is beyond the expiration of the CA certificate at ${signer.certificate.notAfter.toISOString()}`,
      );
    }
    const keys = await newKeyPair(role.key_type, role.key_bits);
    const certificate = await issue(signer, {
      keyType: role.key_type,
      keys,
      commonName,
      names: [...new Set([commonName, ...altNames])].map((value) => ({ type: 'dns', value })),
      forServer: role.server_flag,
      forClient: role.client_flag,
      notBefore: at(-role.not_before_duration),
      notAfter,
    });
    const legacy = role.key_type === 'ec' ? 'sec1' : 'pkcs1';
    const type = request.private_key_format === 'pkcs8' ? 'pkcs8' : legacy;
    const data = {
      certificate: pem(certificate),
      issuing_ca: pem(signer.certificate),
      ca_chain: [pem(signer.certificate)],
      private_key: keys.privateKey.export({ type, format: 'pem' }).toString().trimEnd(),
      private_key_type: role.key_type,
      serial_number: serialText(certificate),
      not_before: unixSeconds(certificate.notBefore),
      expiration: unixSeconds(certificate.notAfter),
    };
    if (!role.generate_lease) return answer({ data, warnings });
    const path = `${mount}/issue/${name}`;
    const lease = leases.add({
      id: `${path}/${randomName(24)}`,
      path,
      tokenId: token.id,
      ttlSeconds: seconds,
      renewable: false,
      // Revoking puts the serial number on a revocation list, which nobody reads here.
      undo: () => Promise.resolve(),
    });
    return answer({ lease_id: lease.id, lease_duration: seconds, data, warnings });
  }

  function roleCall(name: string, { operation, body }: Call): Reply {
    if (operation === 'delete') {
      roles.delete(name);
      return noContent;
    }
    if (operation === 'list') throw unsupportedOperation();
    if (operation === 'update') roles.set(name, readBody(Role, body));
    const role = roles.get(name);
    if (role === undefined) throw new ApiFailure(404);
    return answer({ data: role });
  }

  function readAuthority(path: string, { operation }: Call): Reply {
    if (operation !== 'read') throw unsupportedOperation();
    const certificate = pem(requireAuthority().certificate);
    if (path === 'ca/pem') {
      return {
        status: 200,
        body: certificate,
        headers: { 'Content-Type': 'application/pem-certificate-chain' },
      };
    }
    return answer({ data: { certificate, revocation_time: 0 } });
  }

  const backend: Backend = (call) => {
    const { operation, path, body } = call;
    if (path === 'root/generate/internal') {
      if (operation !== 'update') throw unsupportedOperation();
      return generateRoot(body);
    }
    if (path === 'ca/pem' || path === 'cert/ca') return readAuthority(path, call);
    if (path === 'roles' || path === 'roles/') {
      if (operation !== 'list') throw unsupportedOperation();
      if (roles.size === 0) throw new ApiFailure(404);
      return answer({ data: { keys: [...roles.keys()].sort() } });
    }
    const [, kind, name] = /^(roles|issue)\/([^/]+)$/.exec(path) ?? [];
    if (name === undefined) throw unsupportedPath();
    if (kind === 'roles') return roleCall(name, call);
    if (operation !== 'update') throw unsupportedOperation();
    return issueFor(name, call);
  };
  return Object.assign(backend, {
    isOpen: (path: string) => path === 'ca/pem' || path === 'cert/ca',
  });
}

function requireNames(role: Role, commonName: string, altNames: readonly string[]): void {
  if (commonName === '') {
    throw new ApiFailure(
      400,
      'the common_name field is required, or must be provided in a CSR with "use_csr_common_name" set to true, unless "require_cn" is set to false',
    );
  }
  if (!isNameAllowed(role, commonName)) {
    throw new ApiFailure(400, `common name ${commonName} not allowed by this role`);
  }
  const other = altNames.find((name) => !isNameAllowed(role, name));
  if (other !== undefined) {
    throw new ApiFailure(400, `subject alternate name ${other} not allowed by this role`);
  }
}

function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
