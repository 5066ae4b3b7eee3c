/** What Vault must know about each credential of a target, by kind. */
import type { CredentialRead } from '@airlock/common/policy/target-credentials';
import { alreadyMounted, type VaultCall } from './call.ts';
import { VaultSetupError } from './error.ts';
import { ephemeralRoleStatements } from './postgres.ts';
import type { DatabaseConnection, VaultTarget } from './targets.ts';

type ReadOf<K extends CredentialRead['kind']> = Extract<CredentialRead, { kind: K }>;

/**
 * Mounts and roles of every credential that the set-up can prepare. What it cannot stays with people: the account that AWS
 * sessions are made from, the authority of a PKI mount, the content of a KV secret.
 *
 * @throws VaultSetupError `vault-setup-invalid` when a database read has no connection.
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
  if (connection === undefined) {
    throw new VaultSetupError(
      'vault-setup-invalid',
      `${target.target} reads database credential "${as}" and no connection is given for it; say how Vault reaches that database`,
    );
  }
  return [
    mountCall(mount, 'database', 'Airlock production databases'),
    {
      method: 'POST',
      // Named after the role, which is one target's alone; several roles may be of one mount.
      path: `${mount}/config/${role}`,
      body: {
        plugin_name: 'postgresql-database-plugin',
        connection_url: connectionUrl(connection),
        username: connection.username,
        allowed_roles: [role],
        verify_connection: true,
      },
      secret: { field: 'password', value: connection.password },
    },
    {
      method: 'POST',
      path: `${mount}/roles/${role}`,
      body: {
        db_name: role,
        ...ephemeralRoleStatements(connection.appOwner),
        default_ttl: target.ttlSeconds,
        max_ttl: target.ttlSeconds,
      },
    },
  ];
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
    mountCall(mount, 'ssh', 'Airlock SSH certificates'),
    {
      method: 'POST',
      path: `${mount}/config/ca`,
      body: { generate_signing_key: true },
      doneWhenRefusedWith: 'keys are already configured',
    },
    {
      method: 'POST',
      path: `${mount}/roles/${role}`,
      body: {
        key_type: 'ca',
        allow_user_certificates: true,
        allow_host_certificates: false,
        allowed_users: [...new Set(principals)].sort().join(','),
        allow_empty_principals: false,
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
    mountCall(mount, 'pki', 'Airlock client certificates'),
    {
      method: 'POST',
      path: `${mount}/roles/${role}`,
      body: {
        allowed_domains: [...new Set(names)].sort(),
        allow_bare_domains: true,
        allow_subdomains: false,
        allow_glob_domains: false,
        allow_any_name: false,
        allow_localhost: false,
        allow_ip_sans: false,
        client_flag: true,
        server_flag: false,
        key_type: 'ec',
        key_bits: 256,
        ttl: seconds,
        max_ttl: seconds,
      },
    },
  ];
}

function mountCall(mount: string, type: string, description: string): VaultCall {
  return {
    method: 'POST',
    path: `sys/mounts/${mount}`,
    body: { type, description },
    doneWhenRefusedWith: alreadyMounted,
  };
}

function longestLife({ ttlSeconds }: VaultTarget, reads: readonly CredentialRead[]): number {
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
