import { Button } from '@airlock/web/views/button';
import { Status } from '@airlock/web/views/badge';
import { SectionHeading } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { DescriptionList } from '@airlock/web/views/description-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { EntryReceipt } from '../../app/prove-entry.ts';
import { entrySentence, readable } from './ledger-page.tsx';
import { plain } from './words.ts';

export function LedgerEntryPage({
  frame,
  row,
  size,
  receipt,
  origin,
  now,
}: EntryReceipt & { readonly frame: Frame; readonly origin: string; readonly now: Date }) {
  const { index, body, leafHash } = row;
  const entry = readable(row);
  return (
    <Layout
      frame={frame}
      title={`Entry ${index}`}
      breadcrumbs={[{ label: 'Ledger', href: '/ledger' }, { label: `entry ${index}` }]}
    >
      <p>
        {entry === null
          ? 'These are bytes that this version cannot read.'
          : `${entrySentence(entry)}.`}
      </p>
      <p>
        <Status tone="good">in the ledger</Status> The gate has just hashed it into the root of{' '}
        {size} entries that the ledger’s key signed.
      </p>
      {entry === null ? null : (
        <DescriptionList
          items={[
            { term: 'At', value: <Time at={new Date(entry.at)} now={now} utc /> },
            { term: 'Type', value: <code>{entry.type}</code> },
            { term: 'By', value: plain(entry.actor) },
            { term: 'About', value: <code>{entry.subjectDigest}</code> },
            ...Object.entries(entry.refs).map(([name, value]) => ({
              term: name,
              value: <Reference text={plain(value)} />,
            })),
          ]}
        />
      )}
      <SectionHeading>Bytes</SectionHeading>
      <CodeBlock label="The entry as it is hashed" wrap>
        {plain(body.toString('utf8'))}
      </CodeBlock>
      <p class="small muted">
        Leaf hash (RFC 6962): <code>{leafHash}</code>
      </p>
      <SectionHeading>Receipt</SectionHeading>
      <p class="small muted">
        It proves the entry without this gate, to whoever has the ledger’s key by another way
        (tlog-proof). The command makes it from the tiles:
      </p>
      <CodeBlock label="Command" wrap>
        {`airlock ledger prove ${index} --source ${origin} --key ledger.vkey`}
      </CodeBlock>
      <CodeBlock label="Receipt" wrap>
        {receipt}
      </CodeBlock>
      <p>
        {index === 0 ? null : <Button href={`/ledger/${index - 1}`}>The entry before</Button>}{' '}
        {index + 1 === size ? null : <Button href={`/ledger/${index + 1}`}>The next entry</Button>}
      </p>
    </Layout>
  );
}

const places: readonly (readonly [form: RegExp, place: string])[] = [
  [/^prm_[0-9a-hjkmnp-tv-z]{10}$/, '/promotions/'],
  [/^dlv_[0-9a-hjkmnp-tv-z]{10}$/, '/deliveries/'],
  [/^stp_[0-9a-hjkmnp-tv-z]{10}$/, '/controls/'],
];

function Reference({ text }: { readonly text: string }) {
  const place = places.find(([form]) => form.test(text));
  return place === undefined ? <code>{text}</code> : <a href={`${place[1]}${text}`}>{text}</a>;
}
