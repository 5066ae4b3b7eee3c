/** The SSH secrets engine as a certificate authority for users. A certificate has no lease: nothing takes it back before its end. */
import { type KeyObject, createHash, generateKeyPair, randomBytes, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import {
  ApiFailure,
  type Reply,
  TextList,
  Ttl,
  answer,
  noContent,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend, Call } from '../backend.ts';
import type { Clock } from '../clock.ts';
import type { Token } from '../tokens.ts';
import { formatPublicKey, parsePublicKey, signUserCertificate } from './ssh-certificate.ts';

type Authority = { id: string; publicKey: KeyObject; privateKey: KeyObject };

const Ca = z.strictObject({
  generate_signing_key: z
    .literal(true, { error: 'this stand-in generates its signing key itself' })
    .default(true),
  key_type: z.enum(['ssh-rsa', 'rsa', 'ed25519']).default('ssh-rsa'),
  key_bits: z.int().min(0).default(0),
});
// Strict: what is not imitated is refused and not ignored.
const Role = z.strictObject({
  key_type: z.literal('ca', { error: 'this stand-in knows key_type ca only' }),
  allow_user_certificates: z.boolean().default(false),
  allow_host_certificates: z.literal(false).default(false),
  allow_empty_principals: z.literal(false).default(false),
  allowed_users_template: z.literal(false).default(false),
  allowed_domains: z.literal('').default(''),
  allowed_users: z.string().default(''),
  default_user: z.string().default(''),
  allow_user_key_ids: z.boolean().default(false),
  allowed_extensions: z.string().default(''),
  default_extensions: z.record(z.string(), z.string()).default({}),
  algorithm_signer: z.enum(['default', 'rsa-sha2-256']).default('default'),
  ttl: Ttl.default(0),
  max_ttl: Ttl.default(0),
  not_before_duration: Ttl.default(30),
});
type Role = z.infer<typeof Role>;
const Sign = z.strictObject({
  public_key: z.string().default(''),
  valid_principals: TextList.default([]),
  cert_type: z.string().default('user'),
  key_id: z.string().default(''),
  ttl: Ttl.default(0),
  extensions: z.record(z.string(), z.string()).default({}),
});

const defaultTtlSeconds = 768 * 3600;
const makeKeyPair = promisify(generateKeyPair);

export function createSshEngine({ clock }: { clock: Clock }): Backend {
  let authority: Authority | null = null;
  const roles = new Map<string, Role>();

  function requireAuthority(): Authority {
    if (authority === null) throw new ApiFailure(400, "keys haven't been configured yet");
    return authority;
  }

  async function generate(body: Record<string, unknown>): Promise<Reply> {
    const { key_type: type, key_bits: bits } = readBody(Ca, body);
    const pair =
      type === 'ed25519'
        ? await makeKeyPair('ed25519')
        : await makeKeyPair('rsa', { modulusLength: bits || 4096 });
    authority = { id: randomUUID(), ...pair };
    return describe(authority);
  }

  function signKey(name: string, body: Record<string, unknown>, token: Token): Reply {
    const role = roles.get(name);
    if (role === undefined) throw new ApiFailure(400, `Unknown role: ${name}`);
    const request = readBody(Sign, body);
    if (request.public_key === '') throw new ApiFailure(400, 'missing public_key');
    const subject = parsePublicKey(request.public_key);
    if (subject === null) {
      throw new ApiFailure(400, 'failed to parse public_key as SSH key: ssh: short read');
    }
    const fingerprint = createHash('sha256').update(subject.blob).digest('hex');
    const content = {
      principals: principalsFor(role, request),
      keyId: keyIdFor(role, request.key_id) || `vault-${token.displayName}-${fingerprint}`,
      extensions: extensionsFor(role, request.extensions),
      ...validity(role, request.ttl, Math.floor(clock.now() / 1000)),
      serial: randomBytes(8).readBigUInt64BE(),
    };
    const line = signUserCertificate(requireAuthority(), subject, content);
    const serial_number = content.serial.toString(16).padStart(16, '0');
    return answer({ data: { serial_number, signed_key: `${line}\n` } });
  }

  function roleCall(name: string, { operation, body }: Call): Reply {
    if (operation === 'update') {
      if (body['key_type'] === undefined) throw new ApiFailure(400, 'missing key type');
      roles.set(name, readBody(Role, body));
      return noContent;
    }
    if (operation === 'delete') {
      roles.delete(name);
      return noContent;
    }
    if (operation !== 'read') throw unsupportedOperation();
    const role = roles.get(name);
    if (role === undefined) throw new ApiFailure(404);
    return answer({ data: role });
  }

  const backend: Backend = (call) => {
    const { operation, path, body, token } = call;
    if (path === 'config/ca') {
      if (operation === 'update') return generate(body);
      if (operation !== 'read') throw unsupportedOperation();
      return describe(requireAuthority());
    }
    if (path === 'public_key') {
      if (operation !== 'read') throw unsupportedOperation();
      return {
        status: 200,
        body: `${formatPublicKey(requireAuthority().publicKey)}\n`,
        headers: { 'Content-Type': 'text/plain' },
      };
    }
    if (path === 'roles' || path === 'roles/') {
      if (operation !== 'list') throw unsupportedOperation();
      if (roles.size === 0) throw new ApiFailure(404);
      return answer({ data: { keys: [...roles.keys()].sort() } });
    }
    const [, kind, name] = /^(roles|sign)\/([^/]+)$/.exec(path) ?? [];
    if (name === undefined) throw unsupportedPath();
    if (kind === 'roles') return roleCall(name, call);
    if (operation !== 'update') throw unsupportedOperation();
    if (token === null) throw new ApiFailure(403, 'permission denied');
    return signKey(name, body, token);
  };
  return Object.assign(backend, { isOpen: (path: string) => path === 'public_key' });
}

function describe(authority: Authority): Reply {
  const public_key = `${formatPublicKey(authority.publicKey)}\n`;
  return answer({ data: { issuer_id: authority.id, issuer_name: '', public_key } });
}

function principalsFor(role: Role, request: z.infer<typeof Sign>): readonly string[] {
  if (request.cert_type !== 'user' || !role.allow_user_certificates) {
    throw new ApiFailure(400, `cert_type '${request.cert_type}' is not allowed by role`);
  }
  const asked =
    request.valid_principals.length > 0
      ? request.valid_principals
      : role.default_user.split(',').filter((name) => name !== '');
  if (asked.length === 0) {
    throw new ApiFailure(
      400,
      'refusing to issue unsafe, globally-valid certificate with no principals specified; set valid_principals or default_user',
    );
  }
  const allowed = [role.allowed_users, role.default_user]
    .flatMap((names) => names.split(','))
    .filter((name) => name !== '');
  if (allowed.length === 0) {
    throw new ApiFailure(400, 'role is not configured to allow any principals');
  }
  const other = asked.find((name) => !allowed.includes('*') && !allowed.includes(name));
  if (other !== undefined) {
    throw new ApiFailure(400, `${other} is not a valid value for valid_principals`);
  }
  return asked;
}

function keyIdFor(role: Role, asked: string): string {
  if (asked !== '' && !role.allow_user_key_ids) {
    throw new ApiFailure(400, 'setting key_id is not allowed by role');
  }
  return asked;
}

function extensionsFor(role: Role, asked: Readonly<Record<string, string>>) {
  const names = Object.keys(asked);
  if (names.length === 0) return role.default_extensions;
  const allowed = role.allowed_extensions.split(',');
  const others = names.filter((name) => !allowed.includes('*') && !allowed.includes(name));
  if (others.length > 0) {
    throw new ApiFailure(400, `extensions [${others.join(' ')}] are not on allowed list`);
  }
  return asked;
}

function validity(role: Role, askedSeconds: number, now: number) {
  const longest = role.max_ttl || defaultTtlSeconds;
  if (askedSeconds > longest) {
    throw new ApiFailure(400, `ttl is larger than maximum allowed ${longest}`);
  }
  const seconds = askedSeconds || Math.min(role.ttl || defaultTtlSeconds, longest);
  return { validAfter: now - role.not_before_duration, validBefore: now + seconds };
}
