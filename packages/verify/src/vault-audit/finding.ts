/** A difference between Vault's audit log and the ledger, for a person who has to find out what happened. */
import type { TokenHolder } from './audit-line.ts';

export type VaultFindingCode =
  /** Vault gave out a credential that the ledger does not have. */
  | 'issued-unrecorded'
  /** Somebody logged in as a delivery that the ledger has no login for. */
  | 'login-unrecorded'
  /** A delivery logged in twice: its JWT was used again. */
  | 'login-repeated'
  /** A login long after it was minted: Vault takes JWTs that have expired. */
  | 'login-late'
  /** The ledger has a credential that Vault's log does not have. */
  | 'recorded-unissued'
  /** Both have it, and say different things about it. */
  | 'entry-differs'
  /** A token got the policy of a target in another way than by its login. */
  | 'token-elsewhere'
  /** A delivery's token may do more than the policies of targets allow. */
  | 'token-wider'
  /** A delivery's token got something at a path that no target file names. */
  | 'place-unknown'
  | 'renewed'
  /** The ledger says that it was revoked and Vault's log does not. */
  | 'revocation-unlogged'
  /** It lived on after its delivery had ended, or until Vault ended it by itself. */
  | 'outlived'
  /** Vault logged a request and no answer to it. */
  | 'unanswered'
  | 'line-unreadable'
  | 'line-repeated'
  /** The audit device writes tokens in clear. */
  | 'log-raw'
  /** The files hold no line of an audit log. */
  | 'log-empty';

export type VaultFinding = {
  readonly code: VaultFindingCode;
  /** By Vault's clock, or the ledger's where Vault logged nothing; null when unknown. */
  readonly at: Date | null;
  /** `FILE:LINE` of the log, or `ledger entry N`. */
  readonly where: string;
  readonly text: string;
  readonly path?: string;
  readonly remote?: string;
  readonly accessor?: string | null;
  readonly metadata?: Readonly<Record<string, string>>;
};

/** A finding about a line of the log, with what helps to find out who it was. */
export function findingOf(
  code: VaultFindingCode,
  line: {
    readonly at: Date;
    readonly path: string;
    readonly remote: string;
    readonly asker: TokenHolder;
  },
  where: string,
  text: string,
): VaultFinding {
  const { accessor, metadata } = line.asker;
  return {
    code,
    at: line.at,
    where,
    text,
    path: line.path,
    remote: line.remote,
    accessor,
    metadata,
  };
}
