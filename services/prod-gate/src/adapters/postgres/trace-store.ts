import type { TraceQuestion, TraceStore } from '../../app/trace-ports.ts';
import type { Found, FoundKind } from '../../domain/blast-radius.ts';
import { splitPurl } from '../../domain/purl.ts';
import { traceKinds, unknownValue } from '../../domain/trace.ts';
import { Prisma } from '../../generated/prisma/client.ts';
import type { GateDatabase } from './client.ts';
import { deliveryFrom } from './delivery-store.ts';
import { listedFrom, signedBytes } from './promotion-store.ts';
import { oneOf } from './rows.ts';

type Row = { promotion_id: string; at: Date; kind: string; value: string };

const foundKinds: readonly FoundKind[] = [...traceKinds, 'approver', 'rebuilder', 'contained'];

/** Every lookup goes by an index and stops at its limit, so that its cost does not grow with what was ever taken in. */
export function createTraceStore({ prisma }: GateDatabase): TraceStore {
  async function find(question: TraceQuestion, scope: Scope): Promise<Found[]> {
    const parts = partsOf(question, scope);
    const rows = await prisma.$queryRaw<Row[]>`
      with hit as (${Prisma.join(parts, ' union all ')}),
        newest as (
          select promotion_id from hit group by promotion_id order by max(at) desc, promotion_id desc ${scope.cut}
        )
      select distinct promotion_id, at, kind, value from hit join newest using (promotion_id)`;
    return rows.map(({ promotion_id: promotionId, at, kind, value }) => ({
      ...{ promotionId, at, value },
      kind: oneOf(foundKinds, kind),
    }));
  }

  return {
    newest: (question, limit) =>
      find(question, { of: () => Prisma.empty, cut: Prisma.sql`limit ${limit}` }),
    among: (question, ids) =>
      find(question, {
        of: (column) => Prisma.sql`and ${column} = any(${[...ids]}::text[])`,
        cut: Prisma.empty,
      }),

    async of(promotionId) {
      const rows = await prisma.promotionTrace.findMany({
        where: { promotionId },
        orderBy: [{ kind: 'asc' }, { value: 'asc' }],
      });
      return rows.map(({ kind, value }) => ({ kind: oneOf(traceKinds, kind), value }));
    },

    async firsts(promotionId, target) {
      const rows = await prisma.$queryRaw<{ kind: string; value: string }[]>`
        select kind, value from promotion_trace own
        where promotion_id = ${promotionId} and kind in ('email', 'image') and value <> ${unknownValue}
          and not exists (
            select from promotion_trace t join delivery d using (promotion_id)
            where t.kind = own.kind and t.value = own.value and t.promotion_id <> ${promotionId}
              and d.target = ${target} and d.state = 'succeeded'
          )
        order by kind, value`;
      return rows.map(({ kind, value }) => ({ kind: oneOf(traceKinds, kind), value }));
    },

    async locks(promotionId, purl) {
      const { name, version } = splitPurl(purl);
      const [found] = await prisma.$queryRaw<{ locked: boolean; whole: boolean }[]>`
        select c.state = 'read' as whole, exists (
          select from promotion_lockfile l join lockfile_package p using (lockfile)
          where l.promotion_id = c.promotion_id and p.name = ${name} and p.version = coalesce(${version}, p.version)
        ) as locked
        from promotion_contents c where c.promotion_id = ${promotionId}`;
      if (found === undefined) return null;
      return found.locked || (found.whole ? false : null);
    },

    async listed(ids) {
      const promotionIds = [...ids];
      const [promotions, deliveries] = await Promise.all([
        prisma.promotion.findMany({
          where: { id: { in: promotionIds } },
          omit: { ...signedBytes, delta: true },
        }),
        prisma.delivery.findMany({ where: { promotionId: { in: promotionIds } } }),
      ]);
      const delivered = new Map(deliveries.map((row) => [row.promotionId, deliveryFrom(row)]));
      return promotions.map((row) => ({
        promotion: listedFrom(row),
        delivery: delivered.get(row.id) ?? null,
      }));
    },
  };
}

/** Which promotions are looked at: all, as many as `cut` allows of each kind, or some. */
type Scope = { readonly of: (column: Prisma.Sql) => Prisma.Sql; readonly cut: Prisma.Sql };

function partsOf(question: TraceQuestion, scope: Scope): Prisma.Sql[] {
  const { kind, value } = question.matter;
  const parts = [tracePart(question, scope)];
  if (kind === 'person') parts.push(approvalPart(question, scope));
  if (kind === 'key') parts.push(rebuildPart(Prisma.sql`key_id`, question, scope));
  if (kind === 'builder') parts.push(rebuildPart(Prisma.sql`builder_id`, question, scope));
  if (kind === 'commit') parts.push(containedPart(value, question, scope));
  if (kind === 'package') parts.push(...packageParts(value, question, scope));
  return parts;
}

function within(column: Prisma.Sql, { since, until }: TraceQuestion): Prisma.Sql {
  return Prisma.sql`${column} >= coalesce(${since}::timestamptz, '-infinity') and ${column} <= coalesce(${until}::timestamptz, 'infinity')`;
}

function tracePart(question: TraceQuestion, { of, cut }: Scope): Prisma.Sql {
  const kinds = question.terms.map(({ kind }) => kind as string);
  const values = question.terms.map(({ value }) => value);
  return Prisma.sql`select t.promotion_id, t.at, t.kind, t.value
    from unnest(${kinds}::text[], ${values}::text[]) as term (kind, value)
    cross join lateral (
      select promotion_id, at, kind, value from promotion_trace
      where kind = term.kind and value = term.value and ${within(Prisma.sql`at`, question)}
        ${of(Prisma.sql`promotion_id`)}
      order by at desc, promotion_id desc ${cut}
    ) t`;
}

function approvalPart(question: TraceQuestion, { of, cut }: Scope): Prisma.Sql {
  return Prisma.sql`(select promotion_id, created_at as at, 'approver' as kind, person as value from approval
    where person = ${question.matter.value} and decision = 'approve'
      and ${within(Prisma.sql`created_at`, question)} ${of(Prisma.sql`promotion_id`)}
    order by created_at desc ${cut})`;
}

function rebuildPart(column: Prisma.Sql, question: TraceQuestion, { of, cut }: Scope): Prisma.Sql {
  return Prisma.sql`(select promotion_id, received_at as at, 'rebuilder' as kind, builder_id as value from rebuild
    where ${column} = ${question.matter.value} and ${within(Prisma.sql`received_at`, question)}
      ${of(Prisma.sql`promotion_id`)}
    order by received_at desc ${cut})`;
}

/** Main only grows, so that every place at or behind one that has the commit has it, too. */
function containedPart(commit: string, question: TraceQuestion, { of, cut }: Scope): Prisma.Sql {
  return Prisma.sql`select p.id, p.admitted_at, 'contained', ${commit}
    from (
      select repository, min(main_position) as place from promotion
      where id in (
        select promotion_id from promotion_trace where kind in ('commit', 'change') and value = ${commit}
      )
      group by repository
    ) entry
    cross join lateral (
      select id, admitted_at from promotion
      where repository = entry.repository and main_position >= entry.place
        and ${within(Prisma.sql`admitted_at`, question)} ${of(Prisma.sql`id`)}
      order by admitted_at desc, id desc ${cut}
    ) p`;
}

function packageParts(purl: string, question: TraceQuestion, { of, cut }: Scope): Prisma.Sql[] {
  const { name, version } = splitPurl(purl);
  const at = within(Prisma.sql`at`, question);
  return [
    Prisma.sql`select l.promotion_id, l.at, 'package', ${purl}
      from (
        select distinct lockfile from lockfile_package
        where name = ${name} and version = coalesce(${version}, version)
      ) p
      cross join lateral (
        select promotion_id, at from promotion_lockfile
        where lockfile = p.lockfile and ${at} ${of(Prisma.sql`promotion_id`)}
        order by at desc, promotion_id desc ${cut}
      ) l`,
    Prisma.sql`(select promotion_id, at, 'package', ${unknownValue} from promotion_contents
      where state <> 'read' and ${at} ${of(Prisma.sql`promotion_id`)}
      order by at desc, promotion_id desc ${cut})`,
  ];
}
