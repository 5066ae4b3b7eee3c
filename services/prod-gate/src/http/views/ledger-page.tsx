import { Button } from '@airlock/web/views/button';
import { SectionHeading } from '@airlock/web/views/card';
import { CodeBlock, Digest } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { AirlockError } from '@airlock/common/errors';
import { parseLedgerEntry, type LedgerEntry } from '@airlock/common/ledger/entry';
import type { CheckpointRow, LedgerRow, Witnessed } from '../../app/ledger-ports.ts';
import type { RepositoryFreeze } from '../../app/promotion-ports.ts';
import { FreezeBanner } from './freeze-banner.tsx';
import { plain } from './words.ts';

export function LedgerPage({
  frame,
  checkpoint,
  witnessed,
  freeze,
  rows,
  older,
  origin,
  now,
}: {
  readonly frame: Frame;
  readonly checkpoint: CheckpointRow | null;
  readonly witnessed: Witnessed | null;
  /** Set while a witness contradicts the ledger. */
  readonly freeze: RepositoryFreeze | null;
  /** Newest first. */
  readonly rows: readonly LedgerRow[];
  /** Index below which older entries are; null at the beginning. */
  readonly older: number | null;
  readonly origin: string;
  readonly now: Date;
}) {
  const entries = rows.map((row) => ({ index: row.index, entry: readable(row) }));
  return (
    <Layout frame={frame} title="Ledger">
      {freeze === null ? null : <FreezeBanner freeze={freeze} />}
      <p class="muted">
        An append-only log of everything that was decided and done here. It holds digests and ids;
        whoever keeps an old checkpoint sees at once if the past was rewritten.
      </p>
      <SectionHeading>Checkpoint</SectionHeading>
      {checkpoint === null ? (
        <p class="muted">None yet. The watchdog signs the first one with the first entry.</p>
      ) : (
        <>
          <p>
            {checkpoint.size} entries, signed <Time at={checkpoint.signedAt} now={now} utc />.{' '}
            <a href="/ledger/checkpoint">The signed note</a> · tiles under{' '}
            <code>/ledger/tile/</code> (tlog-tiles)
          </p>
          <Witnesses witnessed={witnessed} size={checkpoint.size} now={now} />
          <CodeBlock label="Checkpoint" wrap>
            {checkpoint.note}
          </CodeBlock>
          <p class="small muted">
            Hash every entry again, with {witnessed === null ? 'a key' : 'keys'} that you got by
            another way; the second command gives the proof of one entry, to keep:
          </p>
          <CodeBlock label="Commands" wrap>
            {`airlock ledger verify ${origin} --key ledger.vkey${witnessed === null ? '' : ' --witness witness.vkey'}
airlock ledger prove ${checkpoint.size - 1} --source ${origin} --key ledger.vkey`}
          </CodeBlock>
        </>
      )}
      <SectionHeading>Entries</SectionHeading>
      <DataTable
        caption="Entries, newest first"
        rows={entries}
        rowId={({ index }) => `entry-${index}`}
        empty="No entry yet."
        columns={[
          {
            ...{ label: 'No.', kind: 'number' },
            cell: ({ index }) => <a href={`/ledger/${index}`}>{index}</a>,
          },
          {
            label: 'What happened',
            wide: true,
            cell: ({ entry }) =>
              entry === null ? 'bytes that this version cannot read' : entrySentence(entry),
          },
          {
            label: 'At',
            nowrap: true,
            cell: ({ entry }) =>
              entry === null ? '–' : <Time at={new Date(entry.at)} now={now} utc />,
          },
          { label: 'Type', kind: 'mono', cell: ({ entry }) => entry?.type ?? 'unreadable' },
          {
            label: 'About',
            cell: ({ entry }) =>
              entry === null ? '–' : <Digest value={entry.subjectDigest} characters={8} />,
          },
        ]}
      />
      {older === null ? null : (
        <p>
          <Button href={`/ledger?before=${older}`}>Older entries</Button>
        </p>
      )}
    </Layout>
  );
}

function Witnesses({
  witnessed,
  size,
  now,
}: {
  readonly witnessed: Witnessed | null;
  readonly size: number;
  readonly now: Date;
}) {
  if (witnessed === null) {
    return (
      <p>
        <strong>No witness has seen it yet.</strong> Until one has, only the gate itself vouches for
        the past.
      </p>
    );
  }
  return (
    <>
      {witnessed.by.map(({ witness, at }) => (
        <p key={witness}>
          Witnessed by <code>{witness}</code> up to {witnessed.size}, <Time at={at} now={now} utc />
          {witnessed.size < size ? `; ${size - witnessed.size} newer not yet` : ''}.{' '}
          <a href="/ledger/checkpoint.witnessed">The cosigned note</a>
        </p>
      ))}
    </>
  );
}

/** Null for what a sequencer kept although it is no entry: it is in the ledger for good and must not hide the others. */
export function readable(row: Pick<LedgerRow, 'body'>): LedgerEntry | null {
  try {
    return parseLedgerEntry(row.body);
  } catch (cause) {
    if (cause instanceof AirlockError) return null;
    throw cause;
  }
}

/** An entry in words. Values are ids and digests that its writer put there; nothing else is read out of them. */
export function entrySentence({ type, actor, refs }: LedgerEntry): string {
  const who = plain(actor.replace(/^person:/, ''));
  const ref = (name: string): string => plain(refs[name] ?? '?');
  switch (type) {
    case 'bundle.admitted':
      return `${who} took in ${ref('promotion')}${refs['target'] === undefined ? '' : ` for ${ref('target')}`}`;
    case 'bundle.refused':
      return `${who} refused a bundle${refs['code'] === undefined ? '' : `: ${ref('code')}`}`;
    case 'passkey.enrolled':
      return `${who} enrolled a passkey`;
    case 'passkey.withdrawn':
      return `${who} withdrew a passkey of ${ref('person')}`;
    case 'approval.recorded':
      return `${who} ${refs['decision'] === 'reject' ? 'rejected' : 'approved'} ${ref('promotion')}`;
    case 'approval.withdrawn':
      return `${who} took the approval of ${ref('promotion')} back`;
    case 'promotion.renewed':
      return `${who} wrote ${ref('promotion')} anew, because this changed: ${ref('changed')}; approvals of it as it was no longer count`;
    case 'delivery.asked':
      return `${who} started the delivery of ${ref('promotion')} to ${ref('target')}`;
    case 'delivery.announced':
      return `${who} announced that ${ref('promotion')} starts at ${ref('startsAt')}`;
    case 'delivery.intent':
      return `${who} begins delivery ${ref('delivery')} of ${ref('promotion')}${refs['repeats'] === undefined ? '' : `, in the place of ${ref('repeats')}, which was interrupted`}${refs['exceptedFrom'] === undefined ? '' : `, let through the freeze ${ref('exceptedFrom')}`}`;
    case 'credential.requested':
      return `${who} let delivery ${ref('delivery')} log in to Vault once`;
    case 'credential.issued':
      return `${who} got ${refs['as'] === undefined ? 'a' : `the ${ref('kind')}`} credential ${refs['as'] === undefined ? '' : `${ref('as')} `}for delivery ${ref('delivery')}${endInWords(refs)}`;
    case 'hook.started':
      return `${who} started the hook of delivery ${ref('delivery')}`;
    case 'hook.finished':
      return `the hook of delivery ${ref('delivery')} ended${refs['exit'] === undefined ? '' : ` with ${ref('exit')}`}`;
    case 'delivery.stage':
      return stageInWords(refs);
    case 'credential.revoked':
      return `${who} saw everything revocable of delivery ${ref('delivery')} gone${refs['refused'] === undefined ? '' : `, and the target refuse ${ref('refused')}`}${refs['outlives'] === undefined ? '' : `; ${ref('outlives')} ends by itself or by hand`}`;
    case 'delivery.finished':
      return `${who} ended delivery ${ref('delivery')}: ${ref('state')}`;
    case 'attestation.issued':
      return refs['kind'] === 'delivery'
        ? `${who} signed the statement of delivery ${ref('delivery')}`
        : `${who} signed that ${plain(refs['promotion'] ?? 'a refused item')} ${refs['result'] === 'PASSED' ? 'passed its checks' : 'did not pass'}`;
    case 'git.head':
      return `${who} saw main move to ${ref('commit').slice(0, 7)}`;
    case 'rebuild.attested':
      return `${ref('builder')} built ${ref('promotion')} again and ${refs['outcome'] === 'agrees' ? 'made the same bytes' : 'made OTHER bytes'}`;
    case 'configuration.changed':
      return `${who} read configuration ${ref('serial')}, signed by the administrators`;
    case 'repository.frozen':
      return `${who} froze a repository whose main was rewritten`;
    case 'repository.released':
      return `${who} released a repository whose rewritten main was accepted`;
    case 'stop.placed':
      return `${who} stopped deliveries: ${ref('kind')} of ${refs['targets'] === '' ? 'all targets' : ref('targets')}`;
    case 'stop.lifted':
      return `${ref('people').replace(' ', ' and ')} lifted the stop ${ref('stop')}`;
    case 'break-glass.asked':
    case 'override.asked':
      return `${who} asked that ${ref('promotion')} pass ${waived(type)}`;
    case 'break-glass.withdrawn':
    case 'override.withdrawn':
      return `${who} took back that ${ref('promotion')} pass ${waived(type)}`;
    case 'break-glass.used':
    case 'override.used':
      return `${who} saw delivery ${ref('delivery')} to ${ref('target')} pass ${waived(type)}; ${ref('reviews')} others look at it until ${ref('reviewBy')}`;
    case 'break-glass.reviewed':
    case 'override.reviewed':
      return `${ref('people').replaceAll(' ', ' and ')} looked at delivery ${ref('delivery')}, which passed ${waived(type)}`;
    case 'break-glass.unreviewed':
    case 'override.unreviewed':
      return `${who} froze ${ref('target')}, because nobody looked in time at delivery ${ref('delivery')}, which passed ${waived(type)}`;
    case 'target.drifted':
      return `${who} saw that ${refs['running'] === 'unknown' ? 'something else' : ref('running')} runs on ${ref('target')}, where ${ref('release')} is live${gathered(refs)}`;
    case 'target.unobserved':
      return refs['cause'] === 'host'
        ? `${who} could not look at ${ref('target')}, because its own host does not run the hook${gathered(refs)}`
        : `${who} could not see several times in a row what runs on ${ref('target')}${gathered(refs)}`;
    case 'target.settled':
      return `${who} saw ${ref('release')} run on ${ref('target')}${refs['was'] === 'drifted' ? ' again' : ', which could not be seen before'}${gathered(refs)}`;
    case 'ledger.contradicted':
      return `${ref('witness')} saw ANOTHER past than this ledger has; ${who} froze deliveries`;
  }
}

/** How often what runs on a target changed, where not each change is an entry. */
const gathered = ({ changes }: LedgerEntry['refs']): string =>
  changes === undefined ? '' : `, after ${plain(changes)} changes`;

const waived = (type: LedgerEntry['type']): string =>
  type.startsWith('override.') ? 'outside its windows' : 'by break-glass';

/** A wave, the verification or the return to the release before. */
function stageInWords(refs: LedgerEntry['refs']): string {
  const of = `of delivery ${plain(refs['delivery'] ?? '?')}`;
  const state = plain(refs['state'] ?? '?');
  if (refs['stage'] === 'wave') {
    return `wave ${plain(refs['number'] ?? '?')} of ${plain(refs['of'] ?? '?')} ${of}: ${state}`;
  }
  if (refs['stage'] === 'return') {
    return `return to ${plain(refs['release'] ?? '?')} ${of}: ${state}`;
  }
  return `verification ${of}: ${state}`;
}

/** How a credential ends where revocation does not end it. */
function endInWords({ ending, diesAt }: LedgerEntry['refs']): string {
  if (ending === 'ttl-only') return `, which ends by itself at ${plain(diesAt ?? '?')}`;
  return ending === 'by-hand' ? ', which does not end by itself' : '';
}
