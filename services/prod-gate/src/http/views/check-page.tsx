import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { VerdictBanner, type VerdictKind } from '@airlock/web/views/verdict-banner';
import { questions } from '../../app/check-questions.ts';
import type { Check, CheckId, CheckStatus } from '../../app/checks.ts';
import type { PromotionDetails } from '../../app/view-promotion.ts';
import { promotionInWords } from '../../domain/promotion.ts';
import { blastRadiusHref } from './blast-radius-page.tsx';
import { CheckEvidence } from './check-evidence.tsx';
import { kindTitle, plain } from './words.ts';

interface CheckPageProps {
  readonly frame: Frame;
  readonly view: PromotionDetails;
  readonly check: Check;
}

/** One check with all of its evidence, at an address that can be sent to somebody. */
export function CheckPage({ frame, view, check }: CheckPageProps) {
  const { promotion } = view;
  const { kind, title } = bannerOf(check);
  return (
    <Layout
      frame={frame}
      title={`${check.title}: ${plain(promotionInWords(promotion))}`}
      breadcrumbs={[
        { label: 'Queue', href: '/queue' },
        { label: promotion.target, href: `/targets/${promotion.target}` },
        { label: plain(promotion.release), href: `/promotions/${promotion.id}` },
        { label: check.title },
      ]}
    >
      <VerdictBanner kind={kind} title={title} text={plain(check.summary)} />
      <WithAside
        aside={
          <Card title="What is asked" icon="shield-check">
            <p class="small">{questions[check.id]}</p>
            <p class="small muted">
              This page shows. Authority and deliverer ask again, each for itself, from the signed
              bytes.
            </p>
          </Card>
        }
      >
        <SectionHeading>Evidence</SectionHeading>
        {check.evidence.length === 0 ? (
          <p class="muted">Nothing beyond the sentence above.</p>
        ) : null}
        <CheckEvidence check={check} />
        {check.id === 'approvals' ? <Seats view={view} /> : null}
        {check.reasons.length === 0 ? null : <Reasons check={check} />}
        <p class="small">
          {elsewhere(check.id, view).map(({ href, label }) => (
            <>
              <a href={href}>{label}</a>
              <br />
            </>
          ))}
        </p>
      </WithAside>
    </Layout>
  );
}

const untold: Readonly<Record<CheckStatus, { kind: VerdictKind; title: string }>> = {
  pass: { kind: 'none', title: 'Passed:' },
  skip: { kind: 'info', title: 'Not asked:' },
  wait: { kind: 'time', title: kindTitle.time },
  fail: { kind: 'fix', title: kindTitle.fix },
  error: { kind: 'system', title: kindTitle.system },
};

function bannerOf({ status, reasons: [worst] }: Check): { kind: VerdictKind; title: string } {
  return worst === undefined ? untold[status] : { kind: worst.kind, title: kindTitle[worst.kind] };
}

function Reasons({ check: { reasons } }: { readonly check: Check }) {
  return (
    <DataTable
      caption="What is against it"
      rows={reasons}
      empty=""
      columns={[
        { label: 'Code', nowrap: true, cell: ({ code }) => <code>{plain(code)}</code> },
        { label: 'Moves when', nowrap: true, cell: ({ kind }) => moves[kind] },
        { label: 'In words', wide: true, cell: ({ text }) => plain(text) },
      ]}
    />
  );
}

const moves = {
  person: 'somebody decides',
  time: 'time passes',
  fix: 'somebody mends it',
  system: 'platform mends it',
} as const;

function Seats({ view }: Pick<CheckPageProps, 'view'>) {
  return (
    <DataTable
      caption="Rules that apply"
      rows={view.facts.approvals.rules}
      empty="No rule is known: the gate has no file for this target."
      columns={[
        {
          label: 'Asked of',
          nowrap: true,
          cell: ({ role, count }) => `${count} of ${role.replaceAll('-', ' ')}`,
        },
        { label: 'Filled by', cell: ({ filledBy }) => filledBy.join(', ') || 'nobody yet' },
        { label: 'Could', cell: ({ helpful }) => helpful.join(', ') || 'nobody needed' },
      ]}
    />
  );
}

function elsewhere(
  id: CheckId,
  { promotion }: PromotionDetails,
): { href: string; label: string }[] {
  const target = { href: `/targets/${promotion.target}`, label: `Rules of ${promotion.target}` };
  const bundle = {
    href: `/promotions/${promotion.id}/bundle.intoto.jsonl`,
    label: 'The signed bundle as it was taken in',
  };
  const changes = { href: `/promotions/${promotion.id}`, label: 'Commits and files that change' };
  const radius = (matter: string, what: string) => ({
    ...{ href: blastRadiusHref(matter), label: `Blast radius of ${what}` },
  });
  switch (id) {
    case 'signature':
      return [bundle, ...promotion.keyIds.map((key) => radius(`key:${key}`, 'this key'))];
    case 'provenance':
      return [bundle, radius(`builder:${promotion.builderId}`, 'this builder')];
    case 'tests':
      return [bundle];
    case 'artifact':
      return [bundle, target, radius(`artifact:${promotion.artifactDigest}`, 'this artifact')];
    case 'builders':
      return [bundle, target, radius(`builder:${promotion.builderId}`, 'the main builder')];
    case 'main':
    case 'authors':
      return [changes];
    case 'approvals':
    case 'hook':
    case 'policy':
    case 'order':
      return [target];
    case 'credentials':
      return [{ href: '/leases', label: 'Credentials that live' }];
    case 'ledger':
      return [{ href: '/ledger', label: 'The ledger' }];
  }
}
