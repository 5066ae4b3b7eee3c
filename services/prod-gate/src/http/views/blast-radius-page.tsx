import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { EmptyState } from '@airlock/web/views/empty-state';
import { PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { BlastRadius } from '../../app/view-blast-radius.ts';
import { adviceText, type Evidence, type Touched } from '../../domain/blast-radius.ts';
import { matterForms, matterKinds, matterText } from '../../domain/matter.ts';
import { count, plain } from './words.ts';

export interface BlastRadiusPageProps {
  readonly frame: Frame;
  /** As it was written into the form. */
  readonly asked: {
    readonly kind: string;
    readonly value: string;
    readonly since: string;
    readonly until: string;
  };
  /** Null before something was asked, and where it could not be. */
  readonly answer: BlastRadius | null;
  /** What is wrong with the question. */
  readonly fault: string | null;
  readonly now: Date;
}

export function BlastRadiusPage({ frame, asked, answer, fault, now }: BlastRadiusPageProps) {
  return (
    <Layout
      frame={frame}
      title="Blast radius"
      breadcrumbs={[{ label: 'Controls', href: '/controls' }, { label: 'Blast radius' }]}
    >
      {fault === null ? null : (
        <VerdictBanner kind="fix" title="That cannot be looked for." text={plain(fault)} />
      )}
      {answer === null ? null : <Verdict answer={answer} />}
      <WithAside
        aside={
          <>
            <Question asked={asked} />
            {answer === null ? null : <Quarantine {...{ frame, asked, answer }} />}
          </>
        }
      >
        {answer === null ? (
          <EmptyState title="What turned out to be bad?">
            Name a key, a builder, a runner, an image, a commit, an artifact, a package or a person.
            You see every release that rests on it, what of it is live, and what to do.
          </EmptyState>
        ) : (
          <Answer answer={answer} now={now} />
        )}
      </WithAside>
    </Layout>
  );
}

function Verdict({ answer: { touched } }: { readonly answer: BlastRadius }) {
  const live = touched.filter(({ isLive }) => isLive);
  const open = touched.filter(({ advice }) => advice === 'quarantine' || advice === 'end');
  if (live.length > 0) {
    const targets = [...new Set(live.map(({ promotion }) => promotion.target))].sort();
    return (
      <VerdictBanner
        kind="fix"
        title={`Live on ${count(targets.length, 'target')}.`}
        text={`${targets.join(', ')}. Return each to an earlier release that is not listed here.`}
      />
    );
  }
  if (open.length > 0) {
    return (
      <VerdictBanner
        kind="person"
        title="Not live, and on its way."
        text={`${count(open.length, 'promotion')} could still be delivered; a quarantine holds them.`}
      />
    );
  }
  return touched.length === 0 ? (
    <VerdictBanner
      kind="none"
      title="Nothing rests on it."
      text="No release that this gate took in at that time."
    />
  ) : (
    <VerdictBanner
      kind="none"
      title="Nothing of it is live or on its way."
      text={`${count(touched.length, 'release')} rested on it.`}
    />
  );
}

function Answer({ answer, now }: { readonly answer: BlastRadius; readonly now: Date }) {
  const { touched, doubt, keys, hasMore, matter } = answer;
  return (
    <>
      <SectionHeading note={touched.length}>
        <code>{plain(matterText(matter))}</code>
      </SectionHeading>
      <DataTable
        caption="Releases that rest on it"
        stacked
        rows={touched}
        empty="None."
        columns={[
          {
            label: 'Release',
            cell: ({ promotion }) => (
              <a href={`/promotions/${promotion.id}`}>{plain(promotion.release)}</a>
            ),
          },
          {
            label: 'Target',
            nowrap: true,
            cell: ({ promotion: { target } }) => <a href={`/targets/${target}`}>{target}</a>,
          },
          { label: 'Now', nowrap: true, cell: (one) => <Now one={one} now={now} /> },
          { label: 'Why', cell: ({ why }) => <Why why={why} /> },
          { label: 'Do', cell: (one) => <Advice one={one} /> },
        ]}
      />
      {hasMore ? (
        <p class="muted">
          Older ones that are neither live nor open are left out; ask for a shorter time.
        </p>
      ) : null}
      {doubt === null ? null : <p class="small muted">{doubt}</p>}
      {doubt === null || keys.length === 0 ? null : (
        <ul class="small">
          {keys.map((key) => (
            <li key={key}>
              <a href={blastRadiusHref(`key:${key}`)}>
                Blast radius of <code>key:{plain(key)}</code>
              </a>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

export const blastRadiusHref = (matter: string): string =>
  `/blast-radius?matter=${encodeURIComponent(matter)}`;

function Now({ one: { isLive, promotion, delivery }, now }: { one: Touched; now: Date }) {
  if (isLive) {
    return (
      <>
        <Status tone="bad">live</Status>{' '}
        {delivery?.finishedAt == null ? null : <Time at={delivery.finishedAt} now={now} />}
      </>
    );
  }
  return (
    <>
      {promotion.state === 'live' ? 'was live' : promotion.state}{' '}
      <Time at={delivery?.startedAt ?? promotion.admittedAt} now={now} />
    </>
  );
}

const basisWords = {
  proven: '',
  claimed: ' (claimed by the builder)',
  'not-said': ' (cannot be ruled out)',
} as const;

function Why({ why }: { readonly why: readonly Evidence[] }) {
  return (
    <>
      {why.map(({ basis, text }) => (
        <div key={text}>
          {plain(text)}
          {basisWords[basis]}
        </div>
      ))}
    </>
  );
}

function Advice({ one: { advice, heldBy, promotion } }: { readonly one: Touched }) {
  return (
    <>
      {adviceText[advice]}
      {advice === 'return' ? (
        <>
          {' '}
          <a href={`/targets/${promotion.target}/return`}>Return</a>
        </>
      ) : null}
      {heldBy.length === 0 ? null : <span class="muted"> {heldBy.join(', ')}</span>}
    </>
  );
}

function Question({ asked }: Pick<BlastRadiusPageProps, 'asked'>) {
  return (
    <Card title="Look for" icon="eye">
      <form class="form" method="get" action="/blast-radius" autocomplete="off">
        <SelectField
          label="What"
          name="kind"
          value={asked.kind}
          options={matterKinds.map((kind) => ({ value: kind, label: kind }))}
        />
        <TextField
          label="Which"
          name="value"
          value={asked.value}
          hint={matterForms[matterKinds.find((kind) => kind === asked.kind) ?? 'key']}
          required
          maxLength={200}
        />
        <TextField
          label="Since"
          name="since"
          value={asked.since}
          hint="Taken in since then: 48h, 14d or a moment in UTC. Empty: ever."
          maxLength={40}
        />
        <TextField
          label="Until"
          name="until"
          value={asked.until}
          hint="In the same form. Empty: now."
          maxLength={40}
        />
        <Button kind="primary" icon="eye" block>
          Look
        </Button>
      </form>
    </Card>
  );
}

function Quarantine({
  frame,
  asked,
  answer,
}: Pick<BlastRadiusPageProps, 'frame' | 'asked'> & { readonly answer: BlastRadius }) {
  const { matter, since, quarantines } = answer;
  const isSigner = matter.kind === 'key';
  const verb = isSigner ? 'Distrust this key' : 'Quarantine';
  if (quarantines.length > 0) {
    return (
      <Card title={isSigner ? 'Distrusted' : 'In quarantine'} icon="stop">
        <p class="small">
          By {quarantines.map(({ person }) => plain(person)).join(', ')}; see{' '}
          <a href="/controls">Controls</a>.
        </p>
      </Card>
    );
  }
  return (
    <Card title={verb} icon="stop">
      <PostForm action="/controls/quarantine" csrfToken={frame.csrfToken}>
        <input type="hidden" name="kind" value={isSigner ? 'distrust-signer' : 'quarantine'} />
        <input type="hidden" name="matter" value={matterText(matter)} />
        <input type="hidden" name="since" value={since?.toISOString() ?? ''} />
        <TextField
          label="Why"
          name="reason"
          hint="Everybody whose delivery waits reads it."
          multiline
          required
          maxLength={500}
        />
        <Button kind="danger" icon="stop" block>
          {verb}
        </Button>
      </PostForm>
      <p class="small muted">
        What rests on it and was taken in {since === null ? 'whenever' : 'since then'} is not
        delivered, and what runs is ended. Two people with a passkey each lift it.
      </p>
      <CodeBlock label="The same by command" wrap>
        {isSigner
          ? `airlock signer distrust ${matter.value} --now${since === null ? '' : ` --since ${since.toISOString()}`} -m "…"`
          : `airlock quarantine ${matterText(matter)}${since === null ? '' : ` --since ${asked.since}`} -m "…"`}
      </CodeBlock>
    </Card>
  );
}
