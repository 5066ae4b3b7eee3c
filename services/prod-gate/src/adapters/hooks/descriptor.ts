import type { Credential, CredentialSecret } from '../../app/vault-ports.ts';

/** What the hook reads from its descriptor: every credential that it is handed, by name, as JSON. */
export function descriptorOf(credentials: readonly Credential[]): Buffer {
  const entries = credentials.map(({ as, secret }) => [as, revealed(secret)] as const);
  return Buffer.from(JSON.stringify(Object.fromEntries(entries)));
}

/** Everything in it that must reach no log. */
export function secretsOf({ secret }: Credential): string[] {
  switch (secret.kind) {
    case 'database':
      return [secret.password.reveal()];
    case 'aws':
      return [secret.secretAccessKey.reveal(), secret.sessionToken.reveal()];
    case 'ssh':
    case 'pki':
      return [secret.privateKey.reveal()];
    case 'kv':
      return [secret.value.reveal()];
  }
}

function revealed(secret: CredentialSecret): object {
  switch (secret.kind) {
    case 'database':
      return { ...secret, password: secret.password.reveal() };
    case 'aws':
      return {
        ...secret,
        secretAccessKey: secret.secretAccessKey.reveal(),
        sessionToken: secret.sessionToken.reveal(),
      };
    case 'ssh':
    case 'pki':
      return { ...secret, privateKey: secret.privateKey.reveal() };
    case 'kv':
      return { ...secret, value: secret.value.reveal() };
  }
}
