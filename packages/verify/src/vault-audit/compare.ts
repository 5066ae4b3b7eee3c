/**
 * Vault's audit log against the ledger: neither vouches for itself here. The log has no signature and the ledger is written
 * by the gate, so that whoever wants to hide a credential has to change both.
 *
 * Ids decide and not clocks: delivery and session that the authority put into the JWT, and SHA-256 of lease ids. Clocks only
 * say what cannot be expected in the log because it begins or ends in between.
 */
import type { CredentialEntries, RecordedCredential } from './credential-entries.ts';
import { endFindings } from './ends.ts';
import type { VaultFinding, VaultFindingCode } from './finding.ts';
import { issuanceFinding, type Issuance, type VaultObservations } from './observe.ts';
import type { VaultPlaces } from './places.ts';

export type VaultAuditReport = {
  /** Nothing differs. */
  readonly whole: boolean;
  /** What the files hold, by Vault's clock; null when they hold no line. */
  readonly window: { readonly from: Date; readonly to: Date } | null;
  readonly lines: { readonly read: number; readonly unreadable: number };
  readonly logins: number;
  readonly credentials: number;
  /** Credentials that stand in both. */
  readonly matched: number;
  readonly findings: readonly VaultFinding[];
  /** What is no difference and still worth a look. */
  readonly notes: readonly string[];
};

/** A login is minted for a minute at most. */
const longestLoginMs = 60_000;

/**
 * @param input.skewSeconds how far the clocks of Vault and the gate may be apart.
 * @param input.from nothing before it is judged, by Vault's clock. Default: the first line.
 * @param input.to nothing after it is judged. Default: the last line.
 */
export function compareVaultWithLedger(input: {
  readonly observed: VaultObservations;
  readonly recorded: CredentialEntries;
  readonly places: VaultPlaces;
  readonly skewSeconds: number;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}): VaultAuditReport {
  const { observed, recorded, places } = input;
  const skewMs = input.skewSeconds * 1000;
  const window = observed.window();
  const found: VaultFinding[] = [];
  const notes: string[] = [];
  const ledgerEnd = recorded.end();

  const tell = (code: VaultFindingCode, issuance: Issuance, text: string): void => {
    found.push(issuanceFinding(code, issuance, text));
  };
  /** Whether the log would have a line of that time, with clocks as far apart as they may be. */
  const isInside = (at: Date): boolean =>
    window !== null &&
    at.getTime() >= window.from.getTime() + skewMs &&
    at.getTime() <= window.to.getTime() - skewMs;
  const afterLedger = ({ at }: Issuance): string =>
    ledgerEnd !== null && at.getTime() > ledgerEnd.getTime()
      ? `; the ledger that was given ends at ${shown(ledgerEnd)}, so export it again if it has gone on`
      : '';

  const issuedBy = new Map<string, RecordedCredential[]>();
  for (const entry of recorded.issued) {
    issuedBy.set(entry.delivery, [...(issuedBy.get(entry.delivery) ?? []), entry]);
  }
  const issuedTo = (delivery: string | null) => issuedBy.get(delivery ?? '') ?? [];
  const entryOf = new Map<Issuance, RecordedCredential>();

  if (window === null) {
    found.push({
      code: 'log-empty',
      at: null,
      where: 'all files',
      text: 'no line of an audit log, so nothing is shown',
    });
  }
  judgeLogins();
  matchCredentials();
  found.push(
    ...endFindings({ observed, recorded, skewMs, isInside, entryOf: (one) => entryOf.get(one) }),
  );

  const judged = found.concat(observed.findings()).filter(({ at }) => isAsked(at));
  judged.sort((one, other) => (one.at?.getTime() ?? 0) - (other.at?.getTime() ?? 0));
  return {
    whole: judged.length === 0,
    window,
    lines: { ...observed.lines },
    logins: observed.logins.length,
    credentials: observed.credentials.length,
    matched: entryOf.size,
    findings: judged,
    notes,
  };

  function isAsked(at: Date | null): boolean {
    if (at === null) return true;
    return (
      (input.from === undefined || at >= input.from) && (input.to === undefined || at <= input.to)
    );
  }

  function judgeLogins(): void {
    const loggedIn = new Set<string>();
    for (const login of observed.logins) {
      const { delivery, session } = login;
      const request = delivery === null ? undefined : recorded.requested.get(delivery);
      if (delivery === null || request === undefined) {
        tell(
          'login-unrecorded',
          login,
          delivery === null
            ? 'a login that names no delivery'
            : `the ledger has no login of delivery ${delivery}${afterLedger(login)}`,
        );
        continue;
      }
      if (!targetsAt(places.logins, login).has(request.target)) {
        tell(
          'entry-differs',
          login,
          `delivery ${delivery} is one to ${request.target} (ledger entry ${request.index}) and logged in at another target's mount`,
        );
      }
      if (session !== null && session !== request.session) {
        tell(
          'entry-differs',
          login,
          `logged in as session ${session}; the ledger's for ${delivery} is ${request.session} (entry ${request.index})`,
        );
      }
      if (loggedIn.has(delivery)) {
        tell(
          'login-repeated',
          login,
          `delivery ${delivery} logged in before: its JWT was used again`,
        );
      }
      loggedIn.add(delivery);
      if (login.at.getTime() > request.at.getTime() + longestLoginMs + skewMs) {
        tell(
          'login-late',
          login,
          `minted at ${shown(request.at)} (ledger entry ${request.index}) and used after it had expired; is expiration_leeway -1 at its role?`,
        );
      }
    }
    const unused = [...recorded.requested.values()].filter(
      ({ delivery, at }) => isInside(at) && !loggedIn.has(delivery),
    );
    for (const { delivery, at, index } of unused) {
      notes.push(
        `the login of ${delivery}, minted at ${shown(at)} (ledger entry ${index}), was never used`,
      );
    }
  }

  function matchCredentials(): void {
    const byLease = new Map<string, RecordedCredential>();
    for (const entry of recorded.issued) if (entry.lease !== null) byLease.set(entry.lease, entry);
    const taken = new Set<RecordedCredential>();
    for (const credential of observed.credentials) {
      const match =
        (credential.lease === null ? undefined : byLease.get(credential.lease)) ??
        withoutLease(credential, taken);
      if (match === undefined) {
        tell('issued-unrecorded', credential, unrecorded(credential));
        continue;
      }
      const difference = differenceOf(credential, match, taken.has(match));
      taken.add(match);
      if (difference === null) entryOf.set(credential, match);
      else tell('entry-differs', credential, `ledger entry ${match.index} ${difference}`);
    }
    const left = recorded.issued.filter((entry) => !taken.has(entry));
    found.push(...left.filter(({ at }) => isInside(at)).map(unissued));
    const outside = left.filter(({ at }) => !isInside(at));
    const [first] = outside;
    if (first !== undefined) {
      const others = outside.length === 1 ? '' : ` and ${outside.length - 1} more`;
      notes.push(
        `credential of ${first.delivery} (ledger entry ${first.index}, ${shown(first.at)})${others}: outside the files' window`,
      );
    }
  }

  /** What has no lease has no id of its own: it is its delivery's, of its kind, once for each entry. */
  function withoutLease(
    { delivery, engine, lease }: Issuance,
    taken: ReadonlySet<RecordedCredential>,
  ): RecordedCredential | undefined {
    return issuedTo(delivery).find(
      (entry) =>
        entry.lease === null &&
        !taken.has(entry) &&
        (entry.kind === null ? engine === 'database' : entry.kind === engine && lease === null),
    );
  }

  function differenceOf(
    credential: Issuance,
    entry: RecordedCredential,
    isTaken: boolean,
  ): string | null {
    if (isTaken) return 'is that of an earlier line; a lease begins once';
    if (entry.delivery !== credential.delivery) {
      return `has this lease under delivery ${entry.delivery}; Vault gave it to ${credential.delivery ?? 'none'}`;
    }
    if (credential.session !== null && entry.session !== credential.session) {
      return `has this lease under session ${entry.session}; Vault gave it to ${credential.session}`;
    }
    return targetsAt(places.reads, credential).has(entry.target)
      ? null
      : `is for ${entry.target}; this path is another target's`;
  }

  function unrecorded(credential: Issuance): string {
    const { delivery, holder, lease } = credential;
    const what = lease === null ? 'a credential' : `lease sha256:${lease}`;
    if (delivery === null) {
      return `${what} was given to ${holder.displayName || 'an unnamed token'} (policies ${holder.policies.join(', ') || 'none'}), which is no delivery's token`;
    }
    const others = issuedTo(delivery);
    if (others.length > 0) {
      return `${what} was given to ${delivery}, for which the ledger has ${others.map(({ index, lease: other }) => `entry ${index}${other === null ? '' : ` (lease sha256:${other})`}`).join(', ')}`;
    }
    const end = recorded.finished.get(delivery);
    const how =
      end?.actor === 'watchdog'
        ? `; the watchdog ended that delivery at ${shown(end.at)}, and a deliverer that dies between Vault's answer and its own record leaves just this`
        : afterLedger(credential);
    return `${what} was given to ${delivery}, and the ledger does not have it${how}`;
  }

  function unissued(entry: RecordedCredential): VaultFinding {
    const lease = entry.lease === null ? '' : `, lease sha256:${entry.lease}`;
    return {
      code: 'recorded-unissued',
      at: entry.at,
      where: `ledger entry ${entry.index}`,
      text: `credential ${entry.name} of ${entry.delivery} to ${entry.target}${lease}: Vault logged no such issuance; is a file of that time missing?`,
    };
  }
}

const targetsAt = (
  places: ReadonlyMap<string, ReadonlySet<string>>,
  { path }: Issuance,
): ReadonlySet<string> => places.get(path) ?? new Set();

const shown = (at: Date): string => at.toISOString();
