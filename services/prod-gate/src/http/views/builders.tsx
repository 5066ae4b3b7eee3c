import type { RebuildDifference } from '@airlock/common/intoto/rebuild-difference';
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Icon } from '@airlock/web/views/icon';
import { oneBuilder } from '../../app/checks.ts';
import type { PromotionView } from '../../app/view-promotion.ts';
import { count, fileSize, plain } from './words.ts';

/** The red line above everything where nobody built again; approvers cannot see into bytes. */
export function OneBuilder({ view }: { readonly view: Pick<PromotionView, 'facts'> }) {
  const { have, differing } = view.facts.builders.count ?? { have: 1, differing: [] };
  if (have > 1 || differing.length > 0 || view.facts.builders.need > 1) return null;
  return (
    <div class="banner tone-bad">
      <Icon name="alert" size={24} />
      <p>{oneBuilder}</p>
    </div>
  );
}

const kinds: Readonly<Record<RebuildDifference['kind'], string>> = {
  files: 'The archives hold different files.',
  packing: 'Same files, other packing: order, times, owners or compression differ.',
  bytes: 'Not both are archives that can be listed; only the digests say that they differ.',
};

/** What each builder that made other bytes says is different, file by file. */
export function Differences({ view }: { readonly view: Pick<PromotionView, 'facts'> }) {
  const differing = view.facts.builders.count?.differing ?? [];
  return (
    <>
      {differing.map(({ builderId, artifactDigest, difference }) => (
        <section key={`${builderId} ${artifactDigest}`}>
          <SectionHeading>What was made differently</SectionHeading>
          <p class="muted">
            {plain(builderId)} built the same commit and made{' '}
            <code>sha256:{artifactDigest.slice(0, 12)}…</code>.{' '}
            {difference === null
              ? 'It sent no list of what differs.'
              : `${kinds[difference.kind]} As that builder signed it:`}
          </p>
          {difference === null || difference.files.length === 0 ? null : (
            <DifferenceTable difference={difference} />
          )}
        </section>
      ))}
    </>
  );
}

type Member = RebuildDifference['files'][number]['claimed'];

function DifferenceTable({ difference }: { readonly difference: RebuildDifference }) {
  const { files, added, removed, changed } = difference;
  const all = added + removed + changed;
  return (
    <>
      <DataTable
        caption={`${count(changed, 'changed file')}, ${added} only as the main builder made it, ${removed} only as rebuilt`}
        rows={files}
        empty="None."
        columns={[
          { label: 'File', kind: 'mono', wide: true, cell: ({ path }) => plain(path) },
          { label: 'Main builder', nowrap: true, cell: ({ claimed }) => member(claimed) },
          { label: 'Rebuilt', nowrap: true, cell: ({ rebuilt }) => member(rebuilt) },
        ]}
      />
      {all > files.length ? <p class="muted">and {all - files.length} more.</p> : null}
    </>
  );
}

function member(found: Member) {
  if (found === null) return 'not there';
  const { type, size, mode, sha256 } = found;
  const bits = mode.toString(8).padStart(4, '0');
  if (type === 'directory') return `directory, mode ${bits}`;
  return (
    <>
      {fileSize(size)}, mode {bits}, <code>{sha256?.slice(0, 12)}…</code>
    </>
  );
}
