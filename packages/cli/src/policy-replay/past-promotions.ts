/** What a gate's database says of the promotions that a target has had: read-only, as the role gate_audit. */
import {
  parsePromotionDocument,
  promotionDigest,
  type PromotionDocument,
} from '@airlock/common/promotion/document';
import { AirlockError } from '@airlock/common/errors';
import pg from 'pg';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';

const Promotion = z.object({
  id: z.string(),
  release: z.string(),
  state: z.string(),
  state_changed_at: z.date(),
  subject_name: z.string(),
  repository: z.string(),
  pipeline: z.string(),
  builder_id: z.string(),
  key_ids: z.array(z.string()),
  artifact_digest: z.string(),
  built_at: z.date(),
  requester: z.string(),
  admitted_at: z.date(),
  reproduce: z.number(),
  document: z.instanceof(Buffer),
  delta: z.object({
    base: z.looseObject({}).nullable(),
    commitCount: z.number(),
    emails: z.array(z.string()),
    fileCount: z.number(),
    files: z.array(z.looseObject({ path: z.string() })),
    details: z
      .looseObject({
        dependencies: z.looseObject({ added: z.number(), unread: z.array(z.unknown()) }),
        migrations: z.looseObject({ count: z.number() }),
      })
      .optional(),
  }),
  started_at: z.date().nullable(),
});

const Decision = z.object({
  promotion_id: z.string(),
  person: z.string(),
  decision: z.enum(['approve', 'reject']),
  promotion_digest: z.string(),
  created_at: z.date(),
  withdrawn_at: z.date().nullable(),
});

const Rebuild = z.object({
  promotion_id: z.string(),
  builder_id: z.string(),
  subject_digest: z.string(),
  key_id: z.string(),
  received_at: z.date(),
});

const Change = z.object({ signers: z.array(z.string()), seen_at: z.date() });

export type PastPromotion = {
  readonly id: string;
  readonly release: string;
  readonly state: string;
  /** When it was decided: its delivery's start, its end without one, or `now` while it waits. */
  readonly at: Date;
  readonly startedAt: Date | null;
  readonly subject: string;
  readonly repository: string;
  readonly pipeline: string;
  readonly builderId: string;
  readonly keyIds: readonly string[];
  readonly builtAt: Date;
  readonly requester: string;
  readonly admittedAt: Date;
  /** Builders that its release file asked for. */
  readonly reproduce: number;
  /** As people signed it. */
  readonly document: PromotionDocument;
  readonly changes: z.infer<typeof Promotion>['delta'];
  /** Approvals of this document that stood at that moment, in the order in which they were given. */
  readonly approvals: readonly { readonly person: string; readonly at: Date }[];
  readonly rejectedBy: string | null;
  /** Answers that had come by then and name the same bytes. */
  readonly rebuilds: readonly { readonly builderId: string; readonly keyId: string }[];
  /** Ids of the keys that signed a configuration between the delivery before and that moment. */
  readonly configurationKeys: readonly string[];
};

const columns =
  'id, release, state, state_changed_at, subject_name, repository, pipeline, builder_id, key_ids, artifact_digest, built_at, requester, admitted_at, reproduce, document, delta';

/** Oldest first. `since`: of admission. */
export async function readPastPromotions(
  connection: pg.ClientConfig,
  given: { readonly target: string; readonly since: Date; readonly now: Date },
): Promise<PastPromotion[]> {
  const client = new pg.Client({ ...connection, application_name: 'airlock policy replay' });
  await client.connect();
  try {
    // One view of all tables, and no way to write.
    await client.query('begin isolation level repeatable read read only');
    const rows = async <T>(schema: z.ZodType<T>, sql: string, values: unknown[]): Promise<T[]> =>
      z.array(schema).parse((await client.query(sql, values)).rows);
    const which = [given.target, given.since];
    const mine =
      'promotion_id in (select id from promotion where target = $1 and admitted_at >= $2)';
    const promotions = await rows(
      Promotion,
      `select ${columns}, (select started_at from delivery d where d.promotion_id = promotion.id)
         from promotion where target = $1 and admitted_at >= $2 order by admitted_at, id`,
      which,
    );
    const decisions = await rows(
      Decision,
      `select a.promotion_id, a.person, a.decision, a.promotion_digest, a.created_at, w.withdrawn_at
         from approval a left join approval_withdrawal w on w.approval_id = a.id
        where a.${mine} order by a.created_at, a.id`,
      which,
    );
    const rebuilds = await rows(
      Rebuild,
      `select promotion_id, builder_id, subject_digest, key_id, received_at from rebuild where ${mine}`,
      which,
    );
    const changes = await rows(Change, 'select signers, seen_at from configuration', []);
    const ends = await rows(
      z.object({ finished_at: z.date() }),
      `select finished_at from delivery where target = $1 and state = 'succeeded' and finished_at is not null`,
      [given.target],
    );
    return promotions.map((row) =>
      pastOf(row, { decisions, rebuilds, changes, ends, now: given.now }),
    );
  } finally {
    await client.end();
  }
}

/** @throws CliError for bytes that are no promotion document: what people signed cannot be judged without them. */
function documentOf({ id, document }: z.infer<typeof Promotion>): PromotionDocument {
  try {
    return parsePromotionDocument(document);
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    throw new CliError(
      exitCode.failedCheck,
      `the document of promotion ${id} cannot be read: ${cause.message}; compare its row with the ledger (airlock verify), or ask for a shorter --since`,
      { cause },
    );
  }
}

function pastOf(
  row: z.infer<typeof Promotion>,
  beside: {
    readonly decisions: readonly z.infer<typeof Decision>[];
    readonly rebuilds: readonly z.infer<typeof Rebuild>[];
    readonly changes: readonly z.infer<typeof Change>[];
    readonly ends: readonly { readonly finished_at: Date }[];
    readonly now: Date;
  },
): PastPromotion {
  const document = documentOf(row);
  const digest = promotionDigest(row.document);
  const isOpen = row.state === 'waiting' || row.state === 'delivering';
  const at = row.started_at ?? (isOpen ? beside.now : row.state_changed_at);
  const decisions = beside.decisions.filter(({ promotion_id }) => promotion_id === row.id);
  const before = beside.ends
    .map(({ finished_at }) => finished_at.getTime())
    .filter((end) => end < at.getTime());
  const live = before.length === 0 ? null : Math.max(...before);
  return {
    ...{ id: row.id, release: row.release, state: row.state, at, startedAt: row.started_at },
    ...{ subject: row.subject_name, repository: row.repository, pipeline: row.pipeline },
    ...{ builderId: row.builder_id, keyIds: row.key_ids, builtAt: row.built_at },
    ...{ requester: row.requester, admittedAt: row.admitted_at, reproduce: row.reproduce },
    ...{ document, changes: row.delta },
    approvals: decisions
      .filter(
        ({ decision, promotion_digest, created_at, withdrawn_at }) =>
          decision === 'approve' &&
          promotion_digest === digest &&
          created_at <= at &&
          (withdrawn_at === null || withdrawn_at > at),
      )
      .map(({ person, created_at }) => ({ person, at: created_at })),
    rejectedBy: decisions.find(({ decision }) => decision === 'reject')?.person ?? null,
    rebuilds: beside.rebuilds
      .filter(
        ({ promotion_id, subject_digest, received_at }) =>
          promotion_id === row.id && subject_digest === row.artifact_digest && received_at <= at,
      )
      .map(({ builder_id, key_id }) => ({ builderId: builder_id, keyId: key_id })),
    configurationKeys: [
      ...new Set(
        beside.changes
          .filter(({ seen_at }) => seen_at <= at && (live === null || seen_at.getTime() > live))
          .flatMap(({ signers }) => signers),
      ),
    ],
  };
}
