import type { HookKind } from '@airlock/common/hook/kind';
import type { HookManifest } from '@airlock/process/hook-manifest';
import { Status } from '@airlock/web/views/badge';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { HookView, RegisteredHook } from '../../app/view-hook.ts';
import { deliveryTone, plain } from './words.ts';

type Props = { readonly frame: Frame; readonly hook: HookView; readonly now: Date };

const interrupted: Readonly<Record<HookKind, string>> = {
  idempotent: 'it is run once more',
  probing: 'it is asked whether it was done',
  'at-most-once': 'a person has to look',
};

/** What runs with production's credentials, and where. */
export function HookPage({ frame, hook, now }: Props) {
  const { name, registered, pins, runs } = hook;
  const others = pins.filter(({ isHere }) => !isHere);
  return (
    <Layout
      frame={frame}
      title={`Hook ${name}`}
      breadcrumbs={[{ label: 'Targets', href: '/targets' }, { label: name }]}
    >
      {registered === null ? (
        <VerdictBanner
          kind="fix"
          title="This hook does not lie here."
          text={`Targets pin it, and nothing is delivered by it until platform puts hooks/${name} back as it was reviewed.`}
        />
      ) : others.length > 0 ? (
        <VerdictBanner
          kind="fix"
          title="What lies here is not what is pinned."
          text={`${others.map(({ target }) => target).join(', ')} ask for other bytes, so nothing is delivered there. Put the reviewed files back, or have the target files signed with the new digest.`}
        />
      ) : null}
      {registered?.fault == null ? null : (
        <VerdictBanner
          kind="fix"
          title="Its hook.yaml cannot be followed."
          text={plain(registered.fault)}
        />
      )}
      {registered?.manifest == null ? null : <p>{plain(registered.manifest.summary)}</p>}
      <WithAside aside={registered === null ? null : <Aside registered={registered} />}>
        <SectionHeading>Targets</SectionHeading>
        <DataTable
          caption="Targets that pin it"
          stacked
          rows={pins}
          empty="No target file pins it: it is never run."
          columns={[
            {
              label: 'Target',
              wide: true,
              cell: ({ target }) => <a href={`/targets/${target}`}>{target}</a>,
            },
            { label: 'There it', cell: ({ use }) => use },
            {
              label: 'Pinned',
              cell: ({ digest, isHere }) => (
                <Status tone={isHere ? 'good' : 'bad'}>
                  <code>{digest.slice(0, 16)}…</code> {isHere ? 'lies here' : 'is not here'}
                </Status>
              ),
            },
          ]}
        />
        <SectionHeading>What it last did</SectionHeading>
        <DataTable
          caption="Deliveries by it, newest first"
          stacked
          rows={runs}
          empty="It has delivered nothing yet."
          columns={[
            {
              label: 'Delivery',
              wide: true,
              cell: ({ delivery, release }) => (
                <>
                  <a href={`/deliveries/${delivery.id}`}>{plain(release)}</a>
                  <div class="muted small">to {delivery.target}</div>
                </>
              ),
            },
            {
              label: 'Outcome',
              cell: ({ delivery: { state } }) => (
                <Status tone={deliveryTone[state]}>{state}</Status>
              ),
            },
            { label: 'Version', cell: ({ digest }) => <code>{digest.slice(0, 16)}…</code> },
            {
              label: 'Began',
              nowrap: true,
              cell: ({ delivery }) => <Time at={delivery.startedAt} now={now} />,
            },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

function Aside({ registered }: { readonly registered: RegisteredHook }) {
  const { digest, files, manifest } = registered;
  return (
    <>
      {manifest === null ? null : <Says manifest={manifest} />}
      <Card title="What lies here" icon="file">
        <DescriptionList
          items={[
            { term: 'Digest', value: <code>sha256:{digest}</code> },
            ...files.map(({ path, bytes }) => ({
              term: plain(path),
              value: `${bytes.toLocaleString('en-US')} bytes`,
            })),
          ]}
        />
        <p class="small muted">
          In its sandbox it has the artifact that was approved and no network but the sockets of its
          target, and sees no file of this host but its programs.
        </p>
      </Card>
    </>
  );
}

function Says({ manifest }: { readonly manifest: HookManifest }) {
  const { kind, waves, needs, params } = manifest;
  const named = (kinds: Readonly<Record<string, string>>): string =>
    Object.entries(kinds)
      .map(([name, each]) => `${name} (${each})`)
      .join(', ') || 'none';
  return (
    <Card title="What it says of itself" icon="shield-lock">
      <DescriptionList
        items={[
          { term: 'If it is interrupted', value: interrupted[kind] },
          { term: 'In waves', value: waves ? 'yes' : 'no' },
          { term: 'Credentials it is handed', value: named(needs.credentials) },
          { term: 'Ways out', value: named(needs.egress) },
          ...Object.entries(params).map(([name, { type, required, summary }]) => ({
            term: `Param ${name}`,
            value: `${type}${required ? '' : ', optional'}: ${plain(summary)}`,
          })),
        ]}
      />
    </Card>
  );
}
