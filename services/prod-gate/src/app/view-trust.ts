/** What this gate believes, and why: the keys that it pins, the repositories that it reads, the outboxes that it pulls and its processes. For showing only. */
import type { AccessFiles } from '@airlock/common/access/coalition';
import type { SeenHead } from '../domain/ledger-facts.ts';
import { matterText } from '../domain/matter.ts';
import type { GateFiles } from './configuration-ports.ts';
import { ledgerFacts, type FactSources } from './fact-sources.ts';
import type { OutboxStatus, PromotionQueries } from './query-ports.ts';
import { trustedProcesses } from './trusted-processes.ts';

export type TrustedKey = {
  readonly keyid: string;
  /** What its signature may say. */
  readonly roles: readonly string[];
  readonly builderIds: readonly string[];
  readonly adminDomain: string | null;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** `counts`, or why what it signs now does not. */
  readonly standing: 'counts' | 'not yet' | 'over' | 'revoked' | 'distrusted';
};

export type TrustView = {
  readonly administrators: AccessFiles['administrators'];
  readonly configuration: { readonly serial: number; readonly digest: string };
  readonly keys: readonly TrustedKey[];
  /** Rows of trust.json that are not whole: whatever they sign is refused. */
  readonly faults: readonly { readonly keyid: string; readonly why: string }[];
  readonly repositories: readonly {
    readonly url: string;
    readonly targets: readonly string[];
    /** As the ledger has it; null before the first look, and while no ledger can be proven. */
    readonly head: SeenHead | null;
    readonly frozen: { readonly since: Date; readonly reason: string } | null;
  }[];
  readonly outboxes: readonly OutboxStatus[];
  /** What each process of the pair is trusted with, whoever runs them. */
  readonly processes: typeof trustedProcesses;
  /** Why the ledger cannot be proven now; null when it can. */
  readonly ledgerFault: string | null;
};

export type TrustSources = {
  readonly views: Pick<FactSources, 'proofs'> & {
    files(): Promise<Pick<GateFiles, 'targets' | 'trust' | 'manifest'>>;
  };
  readonly queries: Pick<PromotionQueries, 'outboxes' | 'freezes'>;
  readonly administrators: AccessFiles['administrators'];
};

export async function viewTrust(
  { views, queries, administrators }: TrustSources,
  now: Date,
): Promise<TrustView> {
  const [files, ledger, outboxes, freezes] = await Promise.all([
    views.files(),
    ledgerFacts(views),
    queries.outboxes(),
    queries.freezes(),
  ]);
  const facts = 'fault' in ledger ? null : ledger.facts;
  const distrusted = new Set(
    (facts?.stops() ?? []).flatMap(({ kind, matter }) =>
      kind === 'distrust-signer' && matter !== null ? [matter] : [],
    ),
  );
  const targetsOf = new Map<string, string[]>();
  for (const [target, { policy }] of files.targets) {
    for (const { repo } of policy.admits) {
      targetsOf.set(repo, [...(targetsOf.get(repo) ?? []), target]);
    }
  }
  return {
    administrators,
    configuration: { serial: files.manifest.serial, digest: files.manifest.digest },
    keys: [...files.trust.signers.values()].map(
      ({ keyid, roles, builderIds, adminDomain, notBefore, notAfter, revokedAt }) => ({
        ...{ keyid, roles, builderIds, adminDomain, notBefore, notAfter },
        standing: distrusted.has(matterText({ kind: 'key', value: keyid }))
          ? 'distrusted'
          : revokedAt !== null && revokedAt <= now
            ? 'revoked'
            : now < notBefore
              ? 'not yet'
              : now > notAfter
                ? 'over'
                : 'counts',
      }),
    ),
    faults: [...files.trust.faults].map(([keyid, why]) => ({ keyid, why })),
    repositories: [...targetsOf].sort().map(([url, targets]) => {
      const frozen = freezes.find(({ repository }) => repository === url);
      return {
        ...{ url, targets: targets.toSorted() },
        head: facts?.headsFrom(url, 0).at(-1) ?? null,
        frozen: frozen === undefined ? null : { since: frozen.since, reason: frozen.reason },
      };
    }),
    outboxes,
    processes: trustedProcesses,
    ledgerFault: 'fault' in ledger ? ledger.fault : null,
  };
}
