/** How the watchdog proves to Vault who it is: an AppRole, or its TLS certificate. Either can only revoke and list. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { Name } from '@airlock/common/wire/scalars';
import { ConfigurationError, FilePath } from '@airlock/process/config';
import { z } from 'zod';
import { type VaultClient, createVaultClient, parseAnswer } from './client.ts';
import { LoginAnswer } from './login.ts';
import type { VaultSettings } from './settings.ts';
import { createVaultTransport, type VaultTransport } from './transport.ts';

const AppRoleIdentity = z.strictObject({
  kind: z.literal('approle'),
  roleIdFile: FilePath.describe('File with the role id of the revoke-only AppRole, one line.'),
  secretIdFile: FilePath.describe(
    'File with its secret id, one line, mode 0600; read anew for every login, so it can be replaced while running.',
  ),
  wrapped: z
    .strictObject({
      tokenFile: FilePath.describe(
        'Where airlock vault issue-reaper-secret --wrapped leaves wrapped-secret-id. While it is there at start, its secret id is taken, once, kept in secretIdFile, and this file removed.',
      ),
      role: Name.describe(
        'Name of the AppRole; a token that wraps anything else is not unwrapped.',
      ),
    })
    .optional()
    .describe('Where a response-wrapped secret id comes from. Default: none comes.'),
});
export type AppRoleIdentity = z.infer<typeof AppRoleIdentity>;

const CertificateIdentity = z.strictObject({
  kind: z.literal('cert'),
  role: Name.describe('Name of the role at auth/cert.'),
  certFile: FilePath.describe(
    'Client certificate, PEM; read anew for every login, so it can be replaced while running.',
  ),
  keyFile: FilePath.describe('Its private key, PEM, mode 0600.'),
});

export const ReaperIdentity = z.discriminatedUnion('kind', [AppRoleIdentity, CertificateIdentity]);
export type ReaperIdentity = z.infer<typeof ReaperIdentity>;

export type ReaperLogin = () => Promise<VaultClient>;

/**
 * Each call is a login of its own and nothing is renewed: a renewal would keep what another certificate or an ended secret id
 * no longer opens (CVE-2026-39388).
 *
 * @throws ConfigurationError when a file of the identity cannot be read, is open to others, or a certificate would be shown to
 *   plain http.
 */
export function createReaperLogin(
  settings: VaultSettings,
  identity: ReaperIdentity,
  { transport, environment }: { transport: VaultTransport; environment: NodeJS.ProcessEnv },
): ReaperLogin {
  const { address } = settings;
  const login = async (
    at: string,
    body: Record<string, unknown>,
    through: VaultTransport,
  ): Promise<VaultClient> => {
    const path = `auth/${at}/login`;
    const answer = await createVaultClient({ address, transport: through }).write(path, body);
    const { auth } = parseAnswer(LoginAnswer, answer, `POST ${path}`);
    return createVaultClient({ address, transport, token: auth.client_token });
  };

  if (identity.kind === 'approle') {
    const secrets = () => ({
      role_id: oneLine('roleIdFile', identity.roleIdFile, readPart),
      secret_id: oneLine('secretIdFile', identity.secretIdFile, readPrivate),
    });
    // Found out now and not when the first credential has to be revoked.
    secrets();
    return () => login('approle', secrets(), transport);
  }

  if (new URL(address).protocol !== 'https:') {
    throw new ConfigurationError(
      'configuration-refused',
      'vault.identity: a certificate is shown to https only; set vault.address to https, or use an AppRole',
    );
  }
  const certificate = () => ({
    cert: readPart('certFile', identity.certFile),
    key: readPrivate('keyFile', identity.keyFile),
  });
  certificate();
  return () =>
    login(
      'cert',
      { name: identity.role },
      createVaultTransport(settings, environment, certificate()),
    );
}

function oneLine(key: string, file: string, read: typeof readPart): string {
  const text = read(key, file).trim();
  if (text !== '') return text;
  throw new ConfigurationError('configuration-unreadable', `${key}: ${file} is empty`);
}

const mends: Readonly<Record<string, string>> = {
  certFile: 'store the watchdog’s client certificate there',
  keyFile: 'store the key of the watchdog’s client certificate there',
};

function readPart(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw unreadable(key, file, cause);
  }
}

function readPrivate(key: string, file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw unreadable(key, file, cause);
  }
  try {
    // Asked of the open file, so that what was checked is what is read.
    if ((fstatSync(descriptor).mode & 0o077) === 0) return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
  throw new ConfigurationError(
    'configuration-refused',
    `${key}: ${file} is open to other users; run: chmod 600 ${file}`,
  );
}

function unreadable(key: string, file: string, cause: unknown): ConfigurationError {
  const mend = mends[key] ?? 'issue it with airlock vault issue-reaper-secret and store it there';
  return new ConfigurationError(
    'configuration-unreadable',
    `${key}: cannot read ${file}; ${mend}`,
    { cause },
  );
}
