/** What Vault must know about each credential of a target, by kind. */
import type { CredentialRead } from '@airlock/common/policy/target-credentials';
import { mountCall, type VaultCall } from './call.ts';
import { ephemeralRevocation, ephemeralRoleStatements } from './postgres.ts';
import type { DatabaseConnection, VaultTarget } from './targets.ts';

type ReadOf<K extends CredentialRead['kind']> = Extract<CredentialRead, { kind: K }>;

/**
 * Mounts and roles of every credential that the set-up can prepare. What it cannot stays with people (`manualSteps`): the
 * account that AWS sessions are made from, the authority of a PKI mount, the content of a KV secret.
 */
export function engineCalls(target: VaultTarget): VaultCall[] {
  return target.reads.flatMap((read) => {
    switch (read.kind) {
      case 'database':
        return databaseCalls(target, read);
      case 'ssh':
        return sshCalls(target, read);
      case 'pki':
        return pkiCalls(target, read);
      case 'aws':
      case 'kv':
        return [];
    }
  });
}

function databaseCalls(target: VaultTarget, { as, mount, role }: ReadOf<'database'>): VaultCall[] {
  const connection = target.connections[as];
  const given = connection === undefined ? unknownConnection(target, as) : {};
  return [
    mountCall('sys/mounts', mount, {
      type: 'database',
      description: 'Airlock production databases',
    }),
    {
      what: `connection ${role} of ${mount}`,
      method: 'POST',
      // Named after the role, which is one target's alone; several roles may be of one mount.
      path: `${mount}/config/${role}`,
      body: {
        plugin_name: 'postgresql-database-plugin',
        ...(connection === undefined
          ? {}
          : { connection_url: connectionUrl(connection), username: connection.username }),
        allowed_roles: [role],
        verify_connection: true,
      },
      unseen: ['verify_connection'],
      ...(connection === undefined
        ? {}
        : {
            secret: {
              field: 'password',
              value: connection.password,
              from: connection.passwordFrom ?? 'its owner',
            },
          }),
      ...given,
    },
    {
      what: `database role ${role} of ${mount}`,
      method: 'POST',
      path: `${mount}/roles/${role}`,
      body: {
        db_name: role,
        ...(connection === undefined
          ? { revocation_statements: ephemeralRevocation }
          : ephemeralRoleStatements(connection.appOwner)),
        default_ttl: target.ttlSeconds,
        max_ttl: target.ttlSeconds,
      },
      ...given,
    },
  ];
}

/** What is there can be looked at; what is not cannot be made. */
function unknownConnection({ target }: VaultTarget, as: string): { incomplete: string } {
  return {
    incomplete: `how Vault reaches the database of ${target}/${as} is not given; give --database-connection ${target}/${as}=FILE`,
  };
}

function sshCalls(target: VaultTarget, read: ReadOf<'ssh'>): VaultCall[] {
  const { mount, role } = read;
  // Two reads may use one role with principals of their own.
  const sharing = target.reads.filter(
    (other) => other.kind === 'ssh' && other.mount === mount && other.role === role,
  );
  const principals = sharing.flatMap((other) => (other.kind === 'ssh' ? other.principals : []));
  const seconds = longestLife(target, sharing);
  return [
    mountCall('sys/mounts', mount, { type: 'ssh', description: 'Airlock SSH certificates' }),
    {
      what: `signing key of ${mount}`,
      method: 'POST',
      path: `${mount}/config/ca`,
      body: { generate_signing_key: true },
      // OpenBao makes another key and signs with that one from then on, which no host trusts.
      onlyWhenAbsent: true,
    },
    {
      what: `SSH role ${role} of ${mount}`,
      method: 'POST',
      path: `${mount}/roles/${role}`,
      body: {
        key_type: 'ca',
        allow_user_certificates: true,
        allow_host_certificates: false,
        allowed_users: [...new Set(principals)].sort().join(','),
        allowed_users_template: false,
        allow_user_key_ids: false,
        allow_empty_principals: false,
        allowed_domains: '',
        default_user: '',
        allowed_extensions: '',
        default_extensions: {},
        ttl: seconds,
        max_ttl: seconds,
      },
    },
  ];
}

function pkiCalls(target: VaultTarget, read: ReadOf<'pki'>): VaultCall[] {
  const { mount, role } = read;
  const sharing = target.reads.filter(
    (other) => other.kind === 'pki' && other.mount === mount && other.role === role,
  );
  const names = sharing.flatMap((other) => (other.kind === 'pki' ? other.commonName : []));
  const seconds = longestLife(target, sharing);
  return [
    mountCall('sys/mounts', mount, { type: 'pki', description: 'Airlock client certificates' }),
    {
      what: `PKI role ${role} of ${mount}`,
      method: 'POST',
      path: `${mount}/roles/${role}`,
      body: {
        allowed_domains: [...new Set(names)].sort(),
        allow_bare_domains: true,
        allow_subdomains: false,
        allow_glob_domains: false,
        allow_wildcard_certificates: false,
        allow_any_name: false,
        allow_localhost: false,
        allow_ip_sans: false,
        allowed_uri_sans: [],
        allowed_other_sans: [],
        client_flag: true,
        server_flag: false,
        code_signing_flag: false,
        email_protection_flag: false,
        generate_lease: false,
        key_type: 'ec',
        key_bits: 256,
        ttl: seconds,
        max_ttl: seconds,
      },
    },
  ];
}

/** Of the roles that several reads of one target may share. */
export function longestLife({ ttlSeconds }: VaultTarget, reads: readonly CredentialRead[]): number {
  const lives = reads.map((read) => ('life' in read ? read.life : undefined) ?? ttlSeconds);
  return Math.max(...lives);
}

function connectionUrl({ host, port, database }: DatabaseConnection): string {
  const isLoopback = host === '127.0.0.1' || host === '::1' || host === 'localhost';
  const address = host.includes(':') ? `[${host}]` : host;
  // Vault fills in user and password itself; off this machine the server's certificate is checked.
  return (
    `postgresql://{{username}}:{{password}}@${address}:${port}/${encodeURIComponent(database)}` +
    `?sslmode=${isLoopback ? 'disable' : 'verify-full'}`
  );
}
