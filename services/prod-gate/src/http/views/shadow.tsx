/** Rules on trial: what they would have decided otherwise. They decide nothing, and the words say so. */
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Time } from '@airlock/web/views/time';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { shadowDifference, type NotedShadow } from '../../domain/shadow.ts';
import type { PromotionFacts } from '../../domain/verdict.ts';
import { plain } from './words.ts';

/** On the page of a target; nothing where no rules are on trial and none were. */
export function TargetShadow({
  policy,
  shadows,
  now,
}: {
  readonly policy: { readonly policy: TargetPolicy; readonly digest: string } | null;
  readonly shadows: readonly NotedShadow[];
  readonly now: Date;
}) {
  const shadow = policy?.policy.shadow;
  if (shadow === undefined && shadows.length === 0) return null;
  const asked = shadow?.approvals.rules.map(
    ({ role, count, when }) =>
      `${count} of ${role.replaceAll('-', ' ')}${when === undefined ? '' : ` when ${when}`}`,
  );
  return (
    <>
      <SectionHeading>Rules on trial</SectionHeading>
      <p class="muted">
        {asked === undefined
          ? 'No rules are on trial now; these were.'
          : `They would ask for ${asked.join(' and ')}. Nothing is decided by them.`}
      </p>
      <DataTable
        caption="Where the rules on trial differ from those in force"
        rows={shadows}
        empty="So far they would have decided the same."
        columns={[
          {
            label: 'Release',
            nowrap: true,
            cell: ({ promotionId, release }) => (
              <a href={`/promotions/${promotionId}`}>{plain(release)}</a>
            ),
          },
          {
            label: 'By the rules on trial',
            wide: true,
            cell: ({ outcome, reasons }) => (
              <>
                {outcome === 'would-hold' ? 'Would have been held' : 'Would have started'}
                {reasons.length === 0 ? null : (
                  <ul class="small">
                    {reasons.map((reason) => (
                      <li key={reason}>{plain(reason)}</li>
                    ))}
                  </ul>
                )}
              </>
            ),
          },
          {
            label: 'Seen',
            nowrap: true,
            cell: ({ lastAt }) => <Time at={lastAt} now={now} />,
          },
        ]}
      />
    </>
  );
}

/** On the page of a promotion that waits. */
export function PromotionShadow({ facts }: { readonly facts: PromotionFacts }) {
  if (facts.promotion.state !== 'waiting') return null;
  const difference = shadowDifference(facts);
  if (difference === null) return null;
  return (
    <div class="small muted">
      <p>
        By the <a href={`/targets/${facts.promotion.target}`}>rules on trial</a>, which decide
        nothing, it would{' '}
        {difference.outcome === 'would-hold' ? 'be held:' : 'start; the rules in force say:'}
      </p>
      <ul>
        {difference.reasons.map((reason) => (
          <li key={reason}>{plain(reason)}</li>
        ))}
      </ul>
    </div>
  );
}
