import { Status, type Tone } from '@airlock/web/views/badge';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock, Digest } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { TrustedKey, TrustView } from '../../app/view-trust.ts';
import { blastRadiusHref } from './blast-radius-page.tsx';
import { count, plain } from './words.ts';

type Props = { readonly frame: Frame; readonly trust: TrustView; readonly now: Date };

/** Whose word counts at this gate, and how fresh what it reads is. */
export function TrustPage({ frame, trust, now }: Props) {
  return (
    <Layout frame={frame} title="Trust">
      {trust.ledgerFault === null ? null : (
        <VerdictBanner
          kind="system"
          title="The ledger cannot be proven."
          text={`${plain(trust.ledgerFault)}. Which keys are distrusted and which heads of main were seen is not known until it can.`}
        />
      )}
      {trust.faults.map(({ keyid, why }) => (
        <VerdictBanner
          key={keyid}
          kind="fix"
          title={`The row ${plain(keyid)} of trust.json is not whole.`}
          text={`${plain(why)}. What it signs is refused; administrators sign a corrected file.`}
        />
      ))}
      <p class="muted">
        Nothing else is believed. Who is on this page is decided by files that administrators sign
        together; nobody changes it here.
      </p>
      <WithAside aside={<Aside trust={trust} />}>
        <SectionHeading>Pinned keys</SectionHeading>
        <DataTable
          caption="Keys of trust.json"
          stacked
          rows={trust.keys}
          empty="trust.json pins no key: nothing can be taken in."
          columns={[
            {
              label: 'Key',
              wide: true,
              cell: ({ keyid, builderIds }) => (
                <>
                  <a href={blastRadiusHref(`key:${keyid}`)}>
                    <code>{plain(keyid)}</code>
                  </a>
                  <div class="muted small">
                    {builderIds.length === 0 ? 'no builder' : plain(builderIds.join(', '))}
                  </div>
                </>
              ),
            },
            { label: 'Says', cell: ({ roles }) => roles.join(', ') },
            {
              label: 'Kept by',
              cell: ({ adminDomain }) => plain(adminDomain ?? 'a domain of its own'),
            },
            {
              label: 'Standing',
              cell: (key) => (
                <Status tone={toneOf[key.standing]}>
                  {key.standing}
                  {key.standing === 'counts' ? (
                    <>
                      {' '}
                      until <Time at={key.notAfter} now={now} />
                    </>
                  ) : null}
                </Status>
              ),
            },
          ]}
        />
        <SectionHeading>Repositories</SectionHeading>
        <DataTable
          caption="Repositories of the target files"
          stacked
          rows={trust.repositories}
          empty="No target file admits a repository."
          columns={[
            {
              label: 'Repository',
              wide: true,
              cell: ({ url, targets }) => (
                <>
                  {plain(url)}
                  <div class="muted small">for {plain(targets.join(', '))}</div>
                </>
              ),
            },
            {
              label: 'Main, as the ledger has it',
              cell: ({ head }) =>
                head === null ? (
                  'not seen yet'
                ) : (
                  <span>
                    <code>{head.commit.slice(0, 12)}</code> ({count(head.position, 'commit')}),{' '}
                    <Time at={head.at} now={now} />
                  </span>
                ),
            },
            {
              label: 'State',
              cell: ({ frozen }) =>
                frozen === null ? (
                  <Status tone="good">followed</Status>
                ) : (
                  <Status tone="bad">
                    frozen <Time at={frozen.since} now={now} />: {plain(frozen.reason)}
                  </Status>
                ),
            },
          ]}
        />
        <SectionHeading>Outboxes of non-prod</SectionHeading>
        <DataTable
          caption="Outboxes"
          stacked
          rows={trust.outboxes}
          empty="Nothing was pulled yet."
          columns={[
            { label: 'From', wide: true, cell: ({ source }) => plain(source) },
            {
              label: 'Asked',
              nowrap: true,
              cell: ({ polledAt }) => <Time at={polledAt} now={now} />,
            },
            {
              label: 'Taken in',
              cell: ({ seq, head }) =>
                head > seq
                  ? `${seq} of ${head}: ${count(head - seq, 'item')} behind`
                  : `all ${seq}`,
            },
          ]}
        />
      </WithAside>
      <SectionHeading>Processes</SectionHeading>
      <p class="muted">
        What an attacker who runs code as one of them gets, and what not. It is the same at every
        gate of this version.
      </p>
      <DataTable
        caption="Processes and what each is trusted with"
        stacked
        rows={trust.processes}
        empty="No process is built."
        columns={[
          { label: 'Process', kind: 'mono', nowrap: true, cell: ({ name }) => name },
          { label: 'Holds', cell: ({ holds }) => holds },
          { label: 'If captured, can', cell: ({ can }) => can },
          { label: 'Cannot', cell: ({ cannot }) => cannot },
        ]}
      />
    </Layout>
  );
}

const toneOf: Readonly<Record<TrustedKey['standing'], Tone>> = {
  counts: 'good',
  'not yet': 'wait',
  over: 'plain',
  revoked: 'bad',
  distrusted: 'bad',
};

function Aside({ trust: { administrators, configuration } }: Pick<Props, 'trust'>) {
  const { keys, threshold, domains } = administrators;
  return (
    <>
      <Card title="Root of trust" icon="shield-lock">
        <p class="small">
          {threshold} of these {keys.length} keys sign the gate’s files together, of at least{' '}
          {count(domains, 'domain')}:
        </p>
        <DescriptionList
          items={keys.map(({ keyid, name, adminDomain }) => ({
            term: plain(name),
            value: <code>{keyid.slice(0, 16)}…</code>,
            source: `kept by ${plain(adminDomain)}`,
          }))}
        />
        <p class="small muted">
          In force is number {configuration.serial}:{' '}
          <Digest value={`sha256:${configuration.digest}`} />
        </p>
      </Card>
      <Card title="In an incident" icon="stop">
        <p class="small">
          A key opens its blast radius, where one person distrusts it.{' '}
          <a href="/controls">Controls</a> cut the pair and stop deliveries.
        </p>
        <CodeBlock label="The same by command" wrap>
          {'airlock signer distrust KEYID\nairlock pair cut'}
        </CodeBlock>
      </Card>
    </>
  );
}
