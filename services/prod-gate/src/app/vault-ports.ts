/**
 * What the gate asks of Vault. Two identities that share nothing: the deliverer exchanges the one JWT of a delivery for a
 * token that reads the credentials of one target, the watchdog revokes and can read none.
 */
import { AirlockError } from '@airlock/common/errors';
import type { CredentialRead, Ending } from '@airlock/common/policy/target-credentials';
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

/** What a credential opens its door with. Everything secret in it is a Secret and is fed to the masks before a hook starts. */
export type CredentialSecret =
  | { readonly kind: 'database'; readonly username: string; readonly password: Secret }
  | {
      readonly kind: 'aws';
      readonly accessKeyId: string;
      readonly secretAccessKey: Secret;
      readonly sessionToken: Secret;
    }
  /** Key as PEM, made here for this delivery; certificate as OpenSSH writes it, one line. */
  | { readonly kind: 'ssh'; readonly privateKey: Secret; readonly certificate: string }
  | {
      readonly kind: 'pki';
      readonly privateKey: Secret;
      readonly certificate: string;
      readonly chain: readonly string[];
    }
  | { readonly kind: 'kv'; readonly value: Secret };

export type Credential = {
  /** The `as` of the target file. */
  readonly as: string;
  readonly ending: Ending;
  /** Null where Vault keeps no lease. */
  readonly leaseId: string | null;
  /** What it is known by outside and may be shown: Postgres role, access key id, key id, serial, version. */
  readonly holder: string;
  /** Its longest life from now, in seconds; the token's own end comes first for what is revocable. Null: it does not end. */
  readonly seconds: number | null;
  readonly secret: CredentialSecret;
  /** Why no hook may have it although it exists; absent when nothing speaks against it. */
  readonly fault?: string;
};

/**
 * The token of one delivery. Its value lives in a closure; only the accessor, which reads nothing, can be stored.
 */
export type DeliveryToken = {
  readonly accessor: string;
  readonly ttlSeconds: number;
  /**
   * Asks for a fresh credential. Never call it twice for the same read, unless it failed with `vault-unavailable`, with which
   * Vault says that it did nothing: any other failed call with `sent` may have made one, and only the reaper's sweep by
   * prefix finds that one.
   *
   * @throws VaultError
   */
  read(read: CredentialRead, options: { signal?: AbortSignal | undefined }): Promise<Credential>;
  /** Revokes the token and with it its leases. The proof that they are gone is the reaper's, not this call's. */
  revokeSelf(): Promise<void>;
};

export type VaultReadiness =
  | { readonly ready: true }
  /** Why not, for a person. */
  | { readonly ready: false; readonly reason: string; readonly retryAfterSeconds: number | null };

export type VaultLogin = {
  /**
   * Whether Vault is there, unsealed and the active node; asked before anything of a session exists, so that a Vault that is
   * away holds a delivery up instead of ending it. Leaves nothing behind.
   *
   * @throws VaultError `vault-is-double`, which no waiting mends.
   */
  ready(options: { signal?: AbortSignal | undefined }): Promise<VaultReadiness>;
  /**
   * Exchanges the JWT of one session at its target's own mount. Not retried here; only after `vault-unavailable` may the
   * caller try again while the JWT lives.
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
  /** Read paths below which Vault keeps leases of this target, such as `database/creds/shop-prod-eu`. */
  readonly leasePrefixes: readonly string[];
};

export type RevocationResult = {
  /** True only when Vault itself listed no token of the mount and no lease of the read paths afterwards. */
  readonly clean: boolean;
  /** What Vault still lists; null when it could not be asked. */
  readonly remaining: { readonly tokens: number | null; readonly leases: number | null };
  /** What failed on the way, for a person; absent when nothing did. */
  readonly error?: string;
  /** How long Vault asked to be left alone, in seconds; absent when it did not. */
  readonly retryAfterSeconds?: number;
};

export type VaultReaper = {
  /**
   * Ends everything that a session may have left at Vault, also what nobody knows the id of: leases by id, the token by
   * accessor, then both prefixes of the target, then asks Vault what is left. Safe to repeat; never throws, because a
   * failed revocation is a result to store and try again.
   */
  revokeSession(request: RevocationRequest): Promise<RevocationResult>;
  /**
   * Counts what Vault lists below the prefixes of a request, and changes nothing.
   *
   * @throws VaultError
   */
  look(request: RevocationRequest): Promise<{ tokens: number; leases: number }>;
};

/**
 * What became of a secret id that the watchdog was handed in a wrapping token. `intercepted`: the token does not give what it
 * has to, so that somebody else may hold the secret id. `failed`: Vault could not be asked; the file waits for the next start.
 */
export type TakenSecretId =
  | { readonly outcome: 'none' }
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'failed'; readonly why: string }
  | { readonly outcome: 'intercepted'; readonly why: string };
