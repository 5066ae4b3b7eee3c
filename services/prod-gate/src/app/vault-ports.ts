/**
 * What the gate asks of Vault. Two identities that share nothing: the deliverer exchanges the one JWT of a delivery for a
 * token that reads one credential, the watchdog revokes and can read none.
 */
import { AirlockError } from '@airlock/common/errors';
import type { Secret } from '@airlock/common/secret';

export type VaultErrorCode =
  /** A mount or role name that fits no Vault path: nothing was sent. */
  | 'vault-request-invalid'
  /** No connection, TLS not trusted, or Vault answers that it is sealed, standby or overloaded: try again later. */
  | 'vault-unavailable'
  /** The request went out and no whole answer came back: it may have been executed. */
  | 'vault-outcome-unknown'
  /** Vault refused the login or the request (400, 403, 404, 405): trying again changes nothing. */
  | 'vault-refused'
  /** Vault answered 5xx to a request that it understood, such as a database that it cannot reach. */
  | 'vault-fault'
  /** The answer is not what Vault's API promises. */
  | 'vault-answer-malformed'
  /** The stand-in answered and this is not the demo. */
  | 'vault-is-double';

/**
 * Any failure of a Vault call. Carries no header, body, token or secret, so it may be logged.
 */
export class VaultError extends AirlockError<VaultErrorCode> {
  /** False only when Vault certainly saw nothing of the request. */
  readonly sent: boolean;
  /** What Vault asked for with Retry-After, in seconds; null when it asked for nothing. */
  readonly retryAfterSeconds: number | null;

  constructor(
    code: VaultErrorCode,
    message: string,
    options: ErrorOptions & { sent: boolean; retryAfterSeconds?: number | null },
  ) {
    super(code, message, options);
    this.sent = options.sent;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

export type DatabaseCredential = {
  readonly leaseId: string;
  readonly username: string;
  readonly password: Secret;
  /** Life of the lease from now, in seconds; the token's own end comes first when it is nearer. */
  readonly leaseSeconds: number;
};

/**
 * The token of one delivery. Its value lives in a closure; only the accessor, which reads nothing, can be stored.
 */
export type DeliveryToken = {
  readonly accessor: string;
  readonly ttlSeconds: number;
  /**
   * Asks for a fresh database role. Never call it twice in a session: a failed call with `sent` may have made a role,
   * and only the reaper's sweep by prefix finds that one.
   */
  readDatabaseCredential(request: {
    mount: string;
    role: string;
    signal?: AbortSignal | undefined;
  }): Promise<DatabaseCredential>;
  /** Revokes the token and with it its leases. The proof that they are gone is the reaper's, not this call's. */
  revokeSelf(): Promise<void>;
};

export type VaultLogin = {
  /**
   * Exchanges the JWT of one session at its target's own mount. Not retried: the caller ends the session on any failure.
   *
   * @param request.mount name of the JWT auth mount without `auth/`, such as `jwt-prod-eu`.
   * @throws VaultError
   */
  login(request: {
    mount: string;
    role: string;
    jwt: string;
    signal?: AbortSignal | undefined;
  }): Promise<DeliveryToken>;
};

export type RevocationRequest = {
  /** Null when a crash came before the accessor was stored; the sweep by prefix finds the token all the same. */
  readonly accessor: string | null;
  readonly leaseIds: readonly string[];
  readonly jwtMount: string;
  readonly databaseMount: string;
  readonly databaseRole: string;
};

export type RevocationResult = {
  /** True only when Vault itself listed no token of the mount and no lease of the role afterwards. */
  readonly clean: boolean;
  /** What Vault still lists; null when it could not be asked. */
  readonly remaining: { readonly tokens: number | null; readonly leases: number | null };
  /** What failed on the way, for a person; absent when nothing did. */
  readonly error?: string;
};

export type VaultReaper = {
  /**
   * Ends everything that a session may have left at Vault, also what nobody knows the id of: leases by id, the token by
   * accessor, then both prefixes of the target, then asks Vault what is left. Safe to repeat; never throws, because a
   * failed revocation is a result to store and try again.
   */
  revokeSession(request: RevocationRequest): Promise<RevocationResult>;
};
