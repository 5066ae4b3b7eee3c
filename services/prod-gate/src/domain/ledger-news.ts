/** What an entry of the ledger is in the words of people. What it says of a promotion comes from the row, which is no evidence: a message decides nothing. */
import type { LedgerEntry, LedgerEntryType } from '@airlock/common/ledger/entry';
import type { News, NewsType } from './news.ts';
import { promotionInWords, type Promotion } from './promotion.ts';
import { newsOfTarget } from './target-news.ts';

/** @returns null for an entry that nobody is told of. */
export function newsOfEntry(
  entry: LedgerEntry,
  given: { readonly index: number; readonly promotion: Promotion | null },
): News | null {
  const ofTarget = newsOfTarget(entry, given.index);
  if (ofTarget !== null) return ofTarget;
  const words = wordsOf(entry, given.promotion);
  if (words === null) return null;
  const { promotion } = given;
  const delivery = entry.refs['delivery'];
  return {
    id: `ledger:${given.index}`,
    thread: promotion?.id ?? entry.refs['repository'] ?? words.type,
    // A person's freeze has the same name as a rewritten main's, and another page.
    path: entry.type === 'stop.placed' ? '/controls' : pathOf(words.type, promotion, delivery),
    target: promotion?.target ?? null,
    actor: personOf(entry.actor),
    at: new Date(entry.at),
    lines: [],
    ...words,
  };
}

type Words = {
  readonly type: NewsType;
  readonly title: string;
  readonly lines?: readonly string[];
  readonly actor?: null;
  readonly path?: string;
};

function wordsOf({ type, refs, actor }: LedgerEntry, promotion: Promotion | null): Words | null {
  const what = promotion === null ? '' : promotionInWords(promotion);
  switch (type) {
    case 'bundle.refused':
      return {
        type: 'promotion.refused',
        title: `A promotion was refused: ${refs['code'] ?? 'for no stated reason'}`,
        lines: ['The queue lists it under Refused, with what to mend.'],
      };
    case 'repository.frozen':
      return {
        type: 'gate.frozen',
        title: 'The gate is frozen: main was rewritten',
        lines: ['Nothing of that repository is delivered until the rewrite is accepted or undone.'],
      };
    case 'repository.released':
      return { type: 'gate.released', title: 'The gate is released: the head of main is accepted' };
    case 'ledger.contradicted':
      return {
        type: 'ledger.contradicted',
        title: 'A witness has seen another past of the ledger; deliveries are stopped',
        lines: [`witness ${refs['witness'] ?? ''}`],
      };
    case 'stop.placed':
      return {
        type: refs['kind'] === 'freeze' ? 'gate.frozen' : 'gate.stopped',
        title: `${refs['person'] ?? actor} stopped deliveries: ${refs['kind'] ?? 'stop'} of ${(refs['targets'] ?? '') === '' ? 'all targets' : refs['targets']}`,
        lines: ['Why, and since when, stands on the page of controls; two people start again.'],
      };
    case 'passkey.enrolled':
      return {
        type: 'passkey.added',
        title: `A passkey of ${refs['person'] ?? '?'} was added`,
        lines: [
          refs['vouch'] === undefined
            ? 'No passkey of theirs vouched for it.'
            : 'A passkey of theirs that is in force vouched for it.',
          'If it was not that person, withdraw it: the page of passkeys says until when it counts for nothing.',
        ],
        // Whoever added it may not be who they are said to be: that person hears of it too.
        actor: null,
        path: '/passkeys',
      };
    case 'passkey.withdrawn':
      return {
        type: 'passkey.withdrawn',
        title: `${personOf(actor) ?? actor} withdrew a passkey of ${refs['person'] ?? '?'}`,
        path: '/passkeys',
      };
    case 'stop.lifted':
      return {
        type: 'gate.started',
        title: `${(refs['people'] ?? '').replace(' ', ' and ')} lifted a stop`,
      };
  }
  if (promotion === null) return null;
  switch (type) {
    case 'bundle.admitted':
      return {
        type: 'promotion.waits',
        title: `${what} waits for approval`,
        lines: delta(promotion),
      };
    case 'approval.recorded':
      return decided(what, personOf(actor) ?? actor, refs['decision'] ?? '');
    case 'delivery.announced':
      return {
        type: 'delivery.announced',
        title: `${what} starts at ${refs['startsAt'] ?? 'an unknown time'}`,
        lines: [
          'Until then its approvals can be withdrawn, and anybody who may stop deliveries can stop it.',
        ],
      };
    case 'break-glass.asked':
    case 'override.asked':
      return {
        type,
        title: `${personOf(actor) ?? actor} asked that ${what} pass ${how(type)}`,
        lines: [
          type === 'break-glass.asked'
            ? 'With the approvals that breakGlass asks for, and outside the windows. Its page says why.'
            : 'With the approvals of the rules and those of windows.override. Its page says why.',
        ],
      };
    case 'break-glass.used':
    case 'override.used':
      return {
        type,
        title: `${what} is delivered ${how(type)}`,
        lines: [
          `${refs['reviews'] ?? '?'} others look at it until ${refs['reviewBy'] ?? '?'}, or ${refs['target'] ?? 'its target'} is frozen: the page of reviews.`,
        ],
      };
    case 'break-glass.unreviewed':
    case 'override.unreviewed':
      return {
        type: 'gate.frozen',
        title: `${refs['target'] ?? 'A target'} is frozen: nobody looked in time at the delivery of ${what} ${how(type)}`,
        lines: ['Two people start again on the page of controls; the review stays owed.'],
      };
    case 'break-glass.reviewed':
    case 'override.reviewed':
      return {
        type,
        title: `${(refs['people'] ?? '').replaceAll(' ', ' and ')} looked at the delivery of ${what} ${how(type)}`,
      };
    case 'delivery.intent':
      return { type: 'delivery.started', title: `${what} is being delivered` };
    case 'delivery.finished':
      // What takes its place tells its own end.
      return refs['repeat'] === 'due' ? null : finished(promotion, refs['state'] ?? '');
    case 'delivery.stage':
      return refs['stage'] === 'repeat' ? finished(promotion, 'indeterminate') : null;
    default:
      return null;
  }
}

const how = (type: LedgerEntryType): string =>
  type.startsWith('override.') ? 'outside its windows' : 'by break-glass';

function decided(what: string, who: string, decision: string): Words | null {
  if (decision === 'approve')
    return { type: 'promotion.approved', title: `${who} approved ${what}` };
  if (decision === 'reject')
    return { type: 'promotion.rejected', title: `${who} rejected ${what}` };
  return null;
}

function finished(promotion: Promotion, state: string): Words | null {
  const { stateReason: reason, returns, release, target } = promotion;
  const what = promotionInWords(promotion);
  const lines = reason === null ? [] : [reason];
  if (state === 'succeeded' && returns !== null) {
    return { type: 'delivery.returned', title: `${target} has returned to ${release}`, lines };
  }
  if (state === 'succeeded') {
    return { type: 'delivery.live', title: `${what} is live`, lines };
  }
  if (state === 'failed') return { type: 'delivery.failed', title: `${what} failed`, lines };
  return {
    type: 'delivery.indeterminate',
    title: `${what}: nobody knows whether it is live; look at the target`,
    lines,
  };
}

function delta({
  delta: { commitCount, fileCount, base, details },
  requester,
  reason,
}: Promotion): string[] {
  const since = base === null ? 'nothing is live yet' : `since ${base.release}`;
  const [migrations = 0, packages = 0] = [details?.migrations.count, details?.dependencies.added];
  return [
    [
      count(commitCount, 'commit'),
      count(fileCount, 'file'),
      ...(migrations === 0 ? [] : [count(migrations, 'migration')]),
      ...(packages === 0 ? [] : [count(packages, 'new package')]),
      since,
    ].join(', '),
    `${requester}: “${reason}”`,
  ];
}

const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;

function pathOf(type: NewsType, promotion: Promotion | null, delivery: string | undefined): string {
  if (type.startsWith('delivery.') && delivery !== undefined) return `/deliveries/${delivery}`;
  if (promotion !== null) return `/promotions/${promotion.id}`;
  if (type === 'gate.started' || type === 'gate.stopped') return '/controls';
  return type === 'ledger.contradicted' ? '/ledger' : '/queue';
}

const personOf = (actor: string): string | null =>
  actor.startsWith('person:') ? actor.slice('person:'.length) : null;
