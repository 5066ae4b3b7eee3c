/** Who is told of what. Quiet unless it concerns somebody: people hear what waits for them and how that ended. */
import { notifyDefaults } from '@airlock/common/policy/target-notify';
import { personOfRequester } from '@airlock/common/approval/count-approvals';
import type { Role } from '@airlock/common/policy/target-approvals';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { eligibleApprovers, type Nearness } from './access.ts';
import type { NewsType } from './news.ts';
import type { Person } from './roster.ts';

/**
 * - deciders: everybody whose approval would still count
 * - escalation: the role that the target file names
 * - followers: everybody who was told of the same before: of the promotion, or of what has now ended
 * - concerned: who asked for the promotion, who approved it, and deciders who wrote a remark on it
 * - keepers: platform and release managers
 * - overseers: the same, and auditors
 * - everybody: whoever is in the roster
 * - nobody: channels alone
 */
type Audience =
  | 'deciders'
  | 'escalation'
  | 'followers'
  | 'concerned'
  | 'keepers'
  | 'overseers'
  | 'everybody'
  | 'nobody';

const audiences: Readonly<Record<NewsType, Audience>> = {
  'promotion.waits': 'deciders',
  'promotion.reminder': 'deciders',
  'promotion.expires': 'deciders',
  'promotion.voided': 'deciders',
  'promotion.escalated': 'escalation',
  'promotion.withdrawn': 'followers',
  'promotion.asked': 'concerned',
  'promotion.rejected': 'followers',
  'promotion.superseded': 'followers',
  'promotion.expired': 'followers',
  'promotion.approved': 'nobody',
  'promotion.refused': 'nobody',
  'delivery.announced': 'keepers',
  'delivery.started': 'followers',
  'delivery.live': 'followers',
  'delivery.failed': 'followers',
  'delivery.indeterminate': 'followers',
  'delivery.returned': 'followers',
  'gate.frozen': 'keepers',
  'gate.released': 'keepers',
  'gate.stopped': 'keepers',
  'gate.started': 'keepers',
  'target.drifted': 'keepers',
  'target.unobserved': 'keepers',
  'target.settled': 'followers',
  'break-glass.asked': 'everybody',
  'break-glass.used': 'everybody',
  'break-glass.reviewed': 'overseers',
  'override.asked': 'everybody',
  'override.used': 'everybody',
  'override.reviewed': 'overseers',
  'passkey.added': 'everybody',
  'passkey.withdrawn': 'everybody',
  'ledger.contradicted': 'overseers',
};

const keeping: readonly Role[] = ['platform', 'release-manager'];
const overseeing: readonly Role[] = [...keeping, 'auditor'];

export interface Told {
  readonly channel: string;
  /** An address where the channel is mail, empty elsewhere. */
  readonly recipient: string;
  readonly person: string | null;
}

export interface AudienceFacts {
  readonly type: NewsType;
  readonly actor: string | null;
  readonly roster: Roster;
  /** Null where it is about no target, or its file is gone. */
  readonly policy: TargetPolicy | null;
  /** Null where it is about no promotion. */
  readonly promotion: Nearness | null;
  /** Rules that the promotion must meet. */
  readonly rules: readonly { readonly role: string }[];
  /** Who approved what now stands: nobody reminds them. */
  readonly approvedBy: readonly string[];
  /** Who wrote a remark on the promotion. */
  readonly remarkedBy: readonly string[];
  /** Who was told of the same promotion before. */
  readonly followers: readonly string[];
  /** Who wants no mail. */
  readonly quiet: ReadonlySet<string>;
  /** Channels that hear of everything. */
  readonly always: readonly string[];
}

export function audienceOf(facts: AudienceFacts): readonly Told[] {
  const { policy, quiet, actor, always } = facts;
  const channels = new Set([...always, ...(policy?.notify ?? notifyDefaults).channels]);
  const people = peopleOf(audiences[facts.type], facts).filter(
    ({ id }) => !quiet.has(id) && id !== actor,
  );
  return [
    ...[...channels].map((channel) => ({ channel, recipient: '', person: null })),
    ...people.flatMap(({ id, mail }) =>
      mail === undefined ? [] : [{ channel: 'mail', recipient: mail, person: id }],
    ),
  ];
}

function peopleOf(audience: Audience, facts: AudienceFacts): readonly Person[] {
  const { roster, policy, promotion } = facts;
  const having = (roles: readonly Role[]): readonly Person[] =>
    roster.people.filter((person) => person.roles.some((role) => roles.includes(role)));
  switch (audience) {
    case 'deciders':
      return promotion === null
        ? []
        : eligibleApprovers({ rules: facts.rules, roster, promotion }).filter(
            ({ id }) => !facts.approvedBy.includes(id),
          );
    case 'escalation':
      return policy?.notify?.escalate === undefined ? [] : having([policy.notify.escalate.role]);
    case 'followers':
      return roster.people.filter(({ id }) => facts.followers.includes(id));
    case 'concerned':
      return concernedBy(facts);
    case 'keepers':
      return having(keeping);
    case 'overseers':
      return having(overseeing);
    case 'everybody':
      return roster.people;
    case 'nobody':
      return [];
  }
}

function concernedBy({
  roster,
  promotion,
  rules,
  approvedBy,
  remarkedBy,
}: AudienceFacts): readonly Person[] {
  if (promotion === null) return [];
  const requester = personOfRequester(roster, promotion.requester);
  const deciding = eligibleApprovers({ rules, roster, promotion });
  return roster.people.filter(
    ({ id }) =>
      id === requester?.id ||
      approvedBy.includes(id) ||
      (remarkedBy.includes(id) && deciding.some((decider) => decider.id === id)),
  );
}
