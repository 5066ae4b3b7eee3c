/**
 * What Vault says that it gave out and took back, gathered line by line. Memory grows with the logins and credentials at the
 * places that are looked at, not with the log.
 */
import { Buffer } from 'node:buffer';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { AuditLine, ReadLine, TokenHolder } from './audit-line.ts';
import { type VaultFinding, findingOf } from './finding.ts';
import { deliveryPolicyPrefix, type VaultPlaces } from './places.ts';

/** A token or a credential that Vault gave out, and what became of it by Vault's own account. */
export type Issuance = {
  readonly at: Date;
  /** Line of the log, such as `audit.log:17`. */
  readonly where: string;
  readonly path: string;
  readonly engine: string | null;
  readonly remote: string;
  readonly holder: TokenHolder;
  /** What Vault was told about the delivery by the JWT that the authority signed; null for another way in. */
  readonly delivery: string | null;
  readonly session: string | null;
  /** SHA-256 of the lease id; null for a token, and for what has no lease. */
  readonly lease: string | null;
  /** Life of a token, in seconds; null for a credential. */
  readonly seconds: number | null;
  /** When Vault logged that it revoked it. */
  revokedAt: Date | null;
  /** When Vault logged, after that, that nothing is left below its path. */
  goneAt: Date | null;
};

export type VaultObservations = {
  readonly lines: { read: number; unreadable: number };
  readonly logins: readonly Issuance[];
  readonly credentials: readonly Issuance[];
  /** Times of the first and the last line; null without any. */
  window(): { readonly from: Date; readonly to: Date } | null;
  /** What is wrong whatever the ledger says. */
  findings(): readonly VaultFinding[];
  /** @param where file and number of the line. Lines are taken in the order of their times. */
  take(line: ReadLine, where: string): void;
};

/** A finding about something that Vault gave out. */
export const issuanceFinding = (
  code: VaultFinding['code'],
  issuance: Issuance,
  text: string,
): VaultFinding => findingOf(code, { ...issuance, asker: issuance.holder }, issuance.where, text);

/** A request at the very end of the log may have its answer in the next file. */
const answerWithinMs = 60_000;

export function observeVault(places: VaultPlaces): VaultObservations {
  const lines = { read: 0, unreadable: 0 };
  const logins: Issuance[] = [];
  const credentials: Issuance[] = [];
  const found: VaultFinding[] = [];
  const unanswered = new Map<string, { line: AuditLine; where: string }>();
  const seen = new Set<string>();
  /** What a later line can still end, by the prefix that a sweep names. */
  const open = new Map<string, Set<Issuance>>();
  let first: Date | null = null;
  let last: Date | null = null;
  let isRaw = false;

  function takeLine(line: AuditLine, where: string): void {
    if (first === null || line.at < first) first = line.at;
    if (last === null || line.at > last) last = line.at;
    // Airlock lives in the root namespace; the same path in another one is another mount.
    if (line.namespace !== '') return;
    if (line.isRaw && !isRaw) {
      isRaw = true;
      found.push(findingOf('log-raw', line, where, 'this line holds a token in clear'));
    }
    const isOurs = places.logins.has(line.path) || places.reads.has(line.path);
    if (line.type === 'request') {
      if (isOurs && !line.refused && line.operation !== 'list') {
        unanswered.set(line.requestId, { line, where });
      }
      return;
    }
    unanswered.delete(line.requestId);
    if (line.refused) return;
    const gives = line.token !== null || line.leaseId !== null || (isOurs && line.givesSecret);
    if (gives) takeGift(line, where, isOurs);
    else takeEnd(line);
  }

  function takeGift(line: AuditLine, where: string, isOurs: boolean): void {
    if (!isOurs && !isAirlocks(line)) return;
    // Requests have ids of their own: a second answer to one is a copied line, or the log of a second audit device.
    if (line.requestId !== '' && seen.has(line.requestId)) {
      found.push(findingOf('line-repeated', line, where, 'this answer stands in the log before'));
      return;
    }
    seen.add(line.requestId);
    if (line.path.startsWith('sys/leases/renew') || /^auth\/token\/renew/.test(line.path)) {
      found.push(findingOf('renewed', line, where, 'Airlock renews nothing'));
      return;
    }
    if (line.token !== null) takeToken(line, line.token, where, isOurs);
    else if (isOurs) {
      remember(credentials, issuanceOf(line, where, line.asker), line.path);
    } else {
      found.push(
        findingOf(
          'place-unknown',
          line,
          where,
          "a delivery's token got something at a path that no target file names",
        ),
      );
    }
  }

  function takeToken(
    line: AuditLine,
    token: NonNullable<AuditLine['token']>,
    where: string,
    isOurs: boolean,
  ): void {
    const policies = token.policies.join(', ');
    if (!isOurs) {
      found.push(
        findingOf(
          'token-elsewhere',
          line,
          where,
          `Vault gave out a token with the policy ${policies}`,
        ),
      );
      return;
    }
    if (!token.policies.every((name) => name.startsWith(deliveryPolicyPrefix))) {
      found.push(
        findingOf('token-wider', line, where, `the token of this login has policies ${policies}`),
      );
    }
    remember(logins, { ...issuanceOf(line, where, token), seconds: token.seconds }, line.path);
  }

  function remember(list: Issuance[], issuance: Issuance, path: string): void {
    list.push(issuance);
    open.set(path, (open.get(path) ?? new Set()).add(issuance));
  }

  function takeEnd(line: AuditLine): void {
    const below = /^sys\/leases\/revoke-prefix\/(.+)$/.exec(line.path)?.[1];
    const listed = /^sys\/leases\/lookup\/(.+)$/.exec(line.path)?.[1];
    if (below !== undefined) endWhere(line.at, ({ path }) => isBelow(path, below));
    else if (listed !== undefined && line.listed === 0) goneBelow(line.at, listed);
    else if (line.path === 'auth/token/revoke-self') endToken(line.at, line.asker.accessor);
    else if (line.path === 'auth/token/revoke-accessor') endToken(line.at, line.revokes);
  }

  /** With a token go its leases. */
  function endToken(at: Date, accessor: string | null): void {
    if (accessor !== null) endWhere(at, ({ holder }) => holder.accessor === accessor);
  }

  function endWhere(at: Date, ends: (issuance: Issuance) => boolean): void {
    for (const issuances of open.values()) {
      for (const issuance of issuances) {
        if (ends(issuance)) issuance.revokedAt ??= at;
      }
    }
  }

  function goneBelow(at: Date, prefix: string): void {
    for (const [path, issuances] of open) {
      if (!isBelow(path, prefix)) continue;
      for (const issuance of issuances) issuance.goneAt = at;
      open.delete(path);
    }
  }

  return {
    lines,
    logins,
    credentials,
    window: () => (first === null || last === null ? null : { from: first, to: last }),
    findings: () => [
      ...found,
      ...[...unanswered.values()]
        .filter(({ line }) => last !== null && last.getTime() - line.at.getTime() > answerWithinMs)
        .map(({ line, where }) =>
          findingOf('unanswered', line, where, 'Vault logged no answer; it may have given one'),
        ),
    ],
    take(line, where) {
      if (line.type !== 'unreadable') {
        lines.read += 1;
        takeLine(line, where);
        return;
      }
      lines.unreadable += 1;
      found.push({
        code: 'line-unreadable',
        at: last,
        where,
        text: `${line.why}; it could be anything, so look at it`,
      });
    },
  };
}

/** By the token that asked, or by the token that it got: however it came by the policy of a target. */
const isAirlocks = ({ asker, token }: AuditLine): boolean =>
  [...asker.policies, ...(token?.policies ?? [])].some((name) =>
    name.startsWith(deliveryPolicyPrefix),
  );

const isBelow = (path: string, prefix: string): boolean =>
  path === prefix || path.startsWith(`${prefix}/`);

const issuanceOf = (line: AuditLine, where: string, holder: TokenHolder): Issuance => ({
  at: line.at,
  where,
  path: line.path,
  engine: line.engine,
  remote: line.remote,
  holder,
  delivery: holder.metadata['delivery_id'] ?? null,
  session: holder.metadata['session_id'] ?? null,
  lease: line.leaseId === null ? null : sha256Hex(Buffer.from(line.leaseId, 'utf8')),
  seconds: null,
  revokedAt: null,
  goneAt: null,
});
