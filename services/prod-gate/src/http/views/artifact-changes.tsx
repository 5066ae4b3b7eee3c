/** What differs in the artifact itself, and what the SBOMs inside it list. */
import { Badge } from '@airlock/web/views/badge';
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import type { ArtifactDelta } from '../../domain/changes/artifact-delta.ts';
import { More } from './more.tsx';
import { count, fileSize, plain } from './words.ts';

type Props = { readonly artifact: ArtifactDelta };

type Side = 'before' | 'after';

const sideInWords: Readonly<Record<Side, string>> = {
  before: 'of what is live',
  after: 'of this release',
};

/** Lists longer than this start closed. */
const openUpTo = 30;

export function ArtifactChanges({ artifact }: Props) {
  return (
    <>
      {artifact.image === undefined ? null : <Image image={artifact.image} />}
      <Components artifact={artifact} />
      <ArtifactFiles artifact={artifact} />
    </>
  );
}

function Image({ image }: { readonly image: NonNullable<ArtifactDelta['image']> }) {
  const { baseBefore, baseAfter, runsBefore, runsAfter, layersKept, unread = [] } = image;
  const isUnread = (asked: Side) => unread.some(({ side }) => side === asked);
  const said = (side: Side, text: string | null) =>
    isUnread(side) ? 'unread' : plain(text ?? 'no image');
  const kept = unread.length === 0 ? `, ${layersKept} of them as before` : '';
  const rows = [
    { what: 'Built on', was: baseBefore, is: baseAfter },
    { what: 'Runs, as user', was: runsBefore, is: runsAfter },
    { what: 'Layers', was: String(image.layersBefore), is: `${image.layersAfter}${kept}` },
  ];
  return (
    <>
      <SectionHeading>Container image</SectionHeading>
      {unread.map(({ side, file, why }) => (
        <p key={side}>
          <Badge tone="wait">unread</Badge> <code>{plain(file)}</code> {sideInWords[side]}{' '}
          {plain(why)}: the image is not compared.
        </p>
      ))}
      {isUnread('before') && isUnread('after') ? null : (
        <DataTable
          caption="Container image"
          rows={rows}
          empty="None."
          stacked
          columns={[
            { label: 'What', cell: ({ what }) => what },
            { label: 'Live', kind: 'mono', wide: true, cell: ({ was }) => said('before', was) },
            {
              label: 'This release',
              kind: 'mono',
              wide: true,
              cell: ({ is }) => said('after', is),
            },
          ]}
        />
      )}
    </>
  );
}

function Components({ artifact: { before: live, sbom } }: Props) {
  const { before, after, added, removed, changed, relicensed, list, unread } = sbom;
  const rest = list.filter(
    ({ from, to, licenceBefore: was, licenceAfter: is }) =>
      from !== null && from === to && was !== is,
  ).length;
  return (
    <>
      <SectionHeading>Components, by SBOM</SectionHeading>
      {unread.map(({ side, file, why }) => (
        <p key={`${side} ${file}`}>
          <Badge tone="wait">unread</Badge> <code>{plain(file)}</code> {sideInWords[side]} is{' '}
          {plain(why)}: its components are not compared.
        </p>
      ))}
      {unread.length > 0 ? null : after === null ? (
        <p class="muted">
          {before === null
            ? 'The artifact holds no SBOM.'
            : `The artifact holds no SBOM; what is live has one with ${count(before, 'component')}.`}
        </p>
      ) : live !== null && before === null ? (
        <p class="muted">
          The SBOM lists {count(after, 'component')}; what is live holds none to compare it with.
        </p>
      ) : (
        <details open={list.length > 0 && list.length <= openUpTo}>
          <summary>
            SBOM difference: +{added} −{removed} ~{changed}
            {relicensed === 0 ? '' : `, ${count(relicensed, 'licence')} changed`} (
            {count(after, 'component')})
          </summary>
          <DataTable
            caption="Components, by SBOM"
            rows={list}
            empty="No component differs."
            stacked
            columns={[
              { label: 'Component', kind: 'mono', wide: true, cell: ({ name }) => plain(name) },
              {
                label: 'From',
                kind: 'mono',
                cell: ({ from }) => (
                  <span>{from === null ? <Badge tone="wait">new</Badge> : plain(from)}</span>
                ),
              },
              {
                label: 'To',
                kind: 'mono',
                cell: ({ to }) => <span>{to === null ? <Badge>dropped</Badge> : plain(to)}</span>,
              },
              { label: 'Licence', wide: true, cell: (row) => <Licence {...row} /> },
            ]}
          />
          <More total={added + removed + changed + rest} listed={list.length} />
        </details>
      )}
    </>
  );
}

function Licence({
  from,
  to,
  licenceBefore: was,
  licenceAfter: is,
}: ArtifactDelta['sbom']['list'][number]) {
  if (from === null || to === null || was === is) {
    return <span class="muted">{plain((to === null ? was : is) ?? 'none said')}</span>;
  }
  return (
    <span>
      <Badge tone="wait">other</Badge> {plain(was ?? 'none said')} → {plain(is ?? 'none said')}
    </span>
  );
}

function ArtifactFiles({ artifact }: Props) {
  const { before, unread, files, added, removed, changed, list } = artifact;
  if (unread !== null) {
    return (
      <>
        <SectionHeading>Files of the artifact</SectionHeading>
        <p>
          <Badge tone="wait">not compared</Badge> {plain(unread)}.
        </p>
      </>
    );
  }
  // A single file is its digest, which is on top.
  if (files === 0 && list.length === 0) return null;
  const total = added + removed + changed;
  return (
    <>
      <SectionHeading note={total}>Files of the artifact</SectionHeading>
      <details>
        <summary>
          {before === null ? (
            count(files, 'file')
          ) : (
            <>
              {added} new, {changed} changed, {removed} gone, of {count(files, 'file')}
            </>
          )}
        </summary>
        <DataTable
          caption="Files of the artifact"
          rows={list}
          empty="Every file is as it was."
          stacked
          columns={[
            { label: 'File', kind: 'mono', wide: true, cell: ({ path }) => plain(path) },
            { label: 'Change', cell: (row) => <Change {...row} /> },
            {
              label: 'Size',
              kind: 'number',
              nowrap: true,
              cell: (row) => sizes(row),
            },
            { label: 'Permissions', kind: 'mono', nowrap: true, cell: (row) => permissions(row) },
          ]}
        />
        <More total={total} listed={list.length} />
      </details>
    </>
  );
}

type FileRow = ArtifactDelta['list'][number];

const words = { added: 'new', removed: 'gone', changed: 'changed' } as const;

function Change({ change, before, after }: FileRow) {
  const runs = ((after?.mode ?? 0) & 0o111) !== 0;
  const open = ((after?.mode ?? 0) & ~(before?.mode ?? 0) & 0o002) !== 0;
  return (
    <span>
      {words[change]}
      {runs ? (
        <>
          {' '}
          <Badge tone="wait">runs</Badge>
        </>
      ) : null}
      {open ? (
        <>
          {' '}
          <Badge tone="wait">anybody may write</Badge>
        </>
      ) : null}
    </span>
  );
}

function sizes({ before, after }: FileRow): string {
  if (before === null || after === null) return fileSize((after ?? before)?.size ?? 0);
  if (before.size === after.size) return fileSize(after.size);
  return `${fileSize(before.size)} → ${fileSize(after.size)}`;
}

function permissions({ before, after }: FileRow): string {
  const [was, is] = [before, after].map((state) => state?.mode.toString(8).padStart(3, '0'));
  if (was === undefined || is === undefined || was === is) return is ?? was ?? '';
  return `${was} → ${is}`;
}
