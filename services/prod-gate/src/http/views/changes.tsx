import { Fragment } from 'preact';
import { Badge, Status } from '@airlock/web/views/badge';
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { DeltaDetails } from '../../domain/delta.ts';
import type { NewerCommits } from '../../domain/newer.ts';
import { firstLines } from '../../domain/firsts.ts';
import { runsInWords } from '../../domain/sighting.ts';
import { ArtifactChanges } from './artifact-changes.tsx';
import { flagsOf, isWayBack } from './flags.ts';
import type { PromotionPageProps } from './promotion-page-props.ts';
import { More } from './more.tsx';
import { count, plain } from './words.ts';

type Props = Pick<PromotionPageProps, 'view' | 'now'>;

/** What the release changes on its target, and what of main it leaves out. */
export function Changes({ view, now }: Props) {
  const { promotion, newer, sighting } = view;
  const { delta } = promotion;
  const waits = promotion.state === 'waiting';
  const goesBack = isWayBack(promotion);
  return (
    <>
      <SectionHeading id="changes" keys="d">
        {goesBack
          ? 'What goes away'
          : waits
            ? 'What changes since what is live'
            : 'What it changes'}
      </SectionHeading>
      <p class="muted">
        {delta.base === null ? (
          <>
            Nothing {waits ? 'is live yet' : 'was live before'} on {promotion.target}: the first
            delivery has no comparison, and the newest commits up to it are listed.
          </>
        ) : (
          <>
            From {plain(delta.base.release)} (<code>{delta.base.commit.slice(0, 8)}</code>) to{' '}
            <code>{promotion.commit.slice(0, 8)}</code>, read from the gate’s own mirror of{' '}
            {promotion.repository}.
          </>
        )}
      </p>
      {sighting?.kind === 'other' ? (
        <p>
          <Status tone="bad">
            These changes are counted from {plain(delta.base?.release ?? 'nothing')}, which is not
            what runs on {promotion.target}: {plain(runsInWords(sighting))}.
          </Status>
        </p>
      ) : null}
      <p>
        {flagsOf(view).map(({ text, tone }) => (
          <Fragment key={text}>
            <Badge {...(tone === undefined ? {} : { tone })}>{text}</Badge>{' '}
          </Fragment>
        ))}
      </p>
      <FirstHere view={view} />
      <Commits view={view} now={now} />
      {delta.details === undefined ? null : (
        <>
          {goesBack ? null : <Migrations migrations={delta.details.migrations} />}
          <Dependencies dependencies={delta.details.dependencies} />
          <Files view={view} owners={delta.details.owners} />
        </>
      )}
      {delta.artifact === undefined ? null : <ArtifactChanges artifact={delta.artifact} />}
      {newer === null || newer.total === 0 ? null : <NotInThisRelease newer={newer} now={now} />}
    </>
  );
}

/** What the flags of that name are about. */
function FirstHere({ view: { promotion, firsts } }: Pick<Props, 'view'>) {
  return (
    <>
      {firstLines(promotion.target, firsts).map((line) => (
        <p class="small" key={line}>
          {plain(line)}
        </p>
      ))}
    </>
  );
}

/** On top of the page: somebody has already found out that it was wrong. */
export function TakenBack({ view: { newer } }: Pick<Props, 'view'>) {
  if (newer === null || newer.reverts.length === 0) return null;
  return (
    <VerdictBanner
      kind="fix"
      title="Taken back on main."
      text={newer.reverts.map(({ commit, subject, of }) => (
        <Fragment key={`${commit}${of.commit}`}>
          This release delivers <code>{of.commit.slice(0, 8)}</code> {plain(of.subject)}; on main{' '}
          <code>{commit.slice(0, 8)}</code> {plain(subject)} has undone it since.{' '}
        </Fragment>
      ))}
    />
  );
}

function Commits({ view, now }: Props) {
  const { delta } = view.promotion;
  return (
    <>
      <DataTable
        caption={
          isWayBack(view.promotion) ? 'Commits that go away, newest first' : 'Commits, newest first'
        }
        rows={delta.commits}
        empty="No commit lies between what is live and this release."
        columns={[
          { label: 'Commit', kind: 'mono', cell: ({ commit }) => commit.slice(0, 8) },
          { label: 'Message', wide: true, cell: ({ subject }) => plain(subject) },
          {
            label: 'Author',
            nowrap: true,
            cell: ({ authorName, authorEmail }) => (
              <span title={plain(authorEmail)}>{plain(authorName)}</span>
            ),
          },
          {
            label: 'Committed',
            nowrap: true,
            cell: ({ committedAt }) => <Time at={new Date(committedAt)} now={now} />,
          },
        ]}
      />
      <More total={delta.commitCount} listed={delta.commits.length} />
    </>
  );
}

const statusWord: Readonly<Record<string, string>> = {
  A: 'new',
  M: 'changed',
  D: 'removed',
  T: 'changed its kind',
};

function Migrations({ migrations }: Pick<DeltaDetails, 'migrations'>) {
  if (migrations.count === 0) return null;
  return (
    <>
      <SectionHeading note={migrations.count}>Migrations</SectionHeading>
      <DataTable
        caption="Migrations"
        rows={migrations.list}
        empty="None."
        stacked
        columns={[
          { label: 'File', kind: 'mono', wide: true, cell: ({ path }) => plain(path) },
          { label: 'Change', cell: ({ status }) => statusWord[status] ?? status },
          {
            label: 'Cannot be taken back',
            cell: ({ warns }) =>
              warns.length === 0 ? (
                <span class="muted">nothing seen</span>
              ) : (
                <Badge tone="wait">{warns.join(', ')}</Badge>
              ),
          },
          {
            label: 'Undone by',
            kind: 'mono',
            cell: ({ undo }) =>
              undo === null ? <span class="muted">no file beside it</span> : plain(undo),
          },
        ]}
      />
      <More total={migrations.count} listed={migrations.list.length} />
    </>
  );
}

function Dependencies({ dependencies }: Pick<DeltaDetails, 'dependencies'>) {
  const { list, unread, added, changed, removed } = dependencies;
  const total = added + changed + removed;
  if (total + unread.length === 0) return null;
  return (
    <>
      <SectionHeading note={total}>Packages</SectionHeading>
      {unread.map(({ lockfile, why }) => (
        <p key={lockfile}>
          <Badge tone="wait">unread</Badge> <code>{plain(lockfile)}</code> is {why}: what it brings
          is not known.
        </p>
      ))}
      {total === 0 ? null : (
        <details open={added > 0 && total <= 30}>
          <summary>
            {added} new, {changed} moved, {removed} dropped
          </summary>
          <DataTable
            caption="Packages"
            rows={list}
            empty="None."
            columns={[
              { label: 'Package', kind: 'mono', wide: true, cell: ({ name }) => plain(name) },
              {
                label: 'From',
                kind: 'mono',
                cell: ({ from }) => (from === null ? <Badge tone="wait">new</Badge> : plain(from)),
              },
              {
                label: 'To',
                kind: 'mono',
                cell: ({ to }) => (to === null ? <Badge>dropped</Badge> : plain(to)),
              },
              {
                label: 'Lockfile',
                kind: 'mono',
                nowrap: true,
                cell: ({ lockfile }) => plain(lockfile),
              },
            ]}
          />
          <More total={total} listed={list.length} />
        </details>
      )}
    </>
  );
}

function Files({
  view: {
    promotion: { delta },
  },
  owners,
}: Pick<Props, 'view'> & Pick<DeltaDetails, 'owners'>) {
  if (delta.files.length === 0) return null;
  return (
    <details>
      <summary>{count(delta.fileCount, 'changed file')}</summary>
      {owners.length === 0 ? null : (
        <p>
          By owner:{' '}
          {owners.map(({ owner, files }) => (
            <Fragment key={owner}>
              <Badge>
                {owner === '' ? 'nobody’s' : plain(owner)} {files}
              </Badge>{' '}
            </Fragment>
          ))}
        </p>
      )}
      <DataTable
        caption="Changed files"
        rows={delta.files}
        empty="None."
        columns={[
          { label: 'File', kind: 'mono', wide: true, cell: ({ path }) => plain(path) },
          { label: 'Change', cell: ({ status }) => statusWord[status] ?? status },
          {
            label: 'Lines',
            kind: 'number',
            nowrap: true,
            cell: ({ added, removed }) =>
              added === null ? 'binary' : `+${added} −${removed ?? 0}`,
          },
        ]}
      />
      <More total={delta.fileCount} listed={delta.files.length} />
    </details>
  );
}

function NotInThisRelease({ newer, now }: { readonly newer: NewerCommits; readonly now: Date }) {
  return (
    <details>
      <summary>{count(newer.total, 'newer commit')} on main not in this release</summary>
      <DataTable
        caption="Newer commits on main"
        rows={newer.commits}
        empty="None."
        columns={[
          { label: 'Commit', kind: 'mono', cell: ({ commit }) => commit.slice(0, 8) },
          { label: 'Message', wide: true, cell: ({ subject }) => plain(subject) },
          { label: 'Author', nowrap: true, cell: ({ authorName }) => plain(authorName) },
          {
            label: 'Committed',
            nowrap: true,
            cell: ({ committedAt }) => <Time at={new Date(committedAt)} now={now} />,
          },
        ]}
      />
      <More total={newer.total} listed={newer.commits.length} />
    </details>
  );
}
