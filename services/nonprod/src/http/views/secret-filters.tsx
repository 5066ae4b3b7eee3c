import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card } from '@airlock/web/views/card';
import { DescriptionList } from '@airlock/web/views/description-list';
import { CheckField, PostForm, SelectField, TextField } from '@airlock/web/views/form';
import type { Frame } from '@airlock/web/views/layout';
import type { SecretSummary } from '../../app/secret-ports.ts';
import { daysOverdue, secretEvents, type SecretFilters } from '../../domain/secret-filter.ts';
import { trustLevels, trustWords } from '../../domain/trust-level.ts';

/** Which builds may read it, in one line. */
export function readersText(filters: SecretFilters): string {
  const { events, refs, protectedOnly, images, labels, leastTrust, approvedOnly } = filters;
  return [
    ...(labels.length === 0 ? [] : [`also repositories with ${labels.join(' ')}`]),
    events.join(', '),
    ...(refs.length === 0 ? [] : [`of ${refs.join(', ')}`]),
    ...(protectedOnly ? ['protected refs'] : []),
    ...(images.length === 0 ? [] : [`plugins ${images.join(', ')}`]),
    `pools of trust ${leastTrust} and above`,
    ...(approvedOnly ? ['released by a person'] : []),
  ].join(' · ');
}

/** Null while nothing has to be done about it. */
export function AgeStatus({ secret, now }: { readonly secret: SecretSummary; readonly now: Date }) {
  if (secret.erased !== null) return null;
  const { expiresAt } = secret.filters;
  if (expiresAt !== null && Date.parse(expiresAt) <= now.getTime()) {
    return <Status tone="bad">expired: no build can read it</Status>;
  }
  const days = daysOverdue(secret.filters, secret.setAt, now);
  if (days === null) return null;
  const late = days === 0 ? 'due to be set anew' : `${days} ${days === 1 ? 'day' : 'days'} overdue`;
  return <Status tone="bad">{late}</Status>;
}

export function ReadersBox({ filters }: { readonly filters: SecretFilters }) {
  const { events, refs, protectedOnly, images, leastTrust, approvedOnly } = filters;
  const any = (list: readonly string[], otherwise: string): string =>
    list.length === 0 ? otherwise : list.join(', ');
  return (
    <Card title="Which builds may read it" icon="shield-check">
      <DescriptionList
        items={[
          {
            term: 'Repositories',
            value:
              filters.labels.length === 0
                ? 'its own'
                : `its own, and those with ${filters.labels.join(' and ')}`,
          },
          { term: 'Events', value: events.join(', ') },
          {
            term: 'Branches and refs',
            value: `${any(refs, 'any')}${protectedOnly ? ', if protected' : ''}`,
          },
          {
            term: 'Steps',
            value: any(
              images.map((image) => `plugins of ${image}`),
              'any',
            ),
          },
          { term: 'Pools', value: `trust ${leastTrust} (${trustWords[leastTrust]}) and above` },
          ...(approvedOnly ? [{ term: 'Runs', value: 'released by a person' }] : []),
          { term: 'Expires', value: filters.expiresAt?.slice(0, 10) ?? 'never' },
          {
            term: 'Set anew',
            value:
              filters.rotateEveryDays === null
                ? 'when needed'
                : `every ${filters.rotateEveryDays} days`,
          },
        ]}
      />
      <p class="muted small">A fork’s build reads nothing, whatever stands here.</p>
    </Card>
  );
}

export function FiltersBox({
  frame,
  name,
  filters,
}: {
  readonly frame: Frame;
  readonly name: string;
  readonly filters: SecretFilters;
}) {
  if (frame.viewer?.roles.includes('platform') !== true) return null;
  return (
    <Card title="Change who may read it" icon="shield-check">
      <PostForm action={`/secrets/${name}/filters`} csrfToken={frame.csrfToken}>
        {secretEvents.map((event) => (
          <CheckField
            key={event}
            name={`event_${event}`}
            label={event}
            checked={filters.events.includes(event)}
          />
        ))}
        <TextField
          label="Branches and refs"
          name="refs"
          value={filters.refs.join(' ')}
          hint="Such as main, release/* or refs/tags/v*. Empty: any."
        />
        <CheckField
          name="protectedOnly"
          label="Only protected branches and tags. No pull request is one."
          checked={filters.protectedOnly}
        />
        <TextField
          label="Plugins"
          name="images"
          value={filters.images.join(' ')}
          hint="Images whose plugins alone are given it: a step with commands could print it. Empty: any step."
        />
        <TextField
          label="Labels"
          name="labels"
          value={filters.labels.join(' ')}
          hint="Such as team=web. Other repositories that have every one are given it, too. Empty: none."
        />
        <SelectField
          label="Pools"
          name="leastTrust"
          value={String(filters.leastTrust)}
          options={trustLevels.map((level) => ({
            value: String(level),
            label: `trust ${level}: ${trustWords[level]}${level < 3 ? ' and above' : ''}`,
          }))}
        />
        <CheckField
          name="approvedOnly"
          label="Only runs that a person has released."
          checked={filters.approvedOnly}
        />
        <TextField
          label="Expires"
          name="expiresOn"
          value={filters.expiresAt?.slice(0, 10) ?? ''}
          hint="Day in UTC, such as 2027-01-31. Empty: never."
        />
        <TextField
          label="Set anew every … days"
          name="rotateEveryDays"
          value={filters.rotateEveryDays === null ? '' : String(filters.rotateEveryDays)}
          hint="Shown as overdue after that. Empty: no schedule."
        />
        <Button kind="primary" icon="shield-check" block>
          Save
        </Button>
      </PostForm>
    </Card>
  );
}
