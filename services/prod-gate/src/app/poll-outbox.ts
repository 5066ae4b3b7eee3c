/** One pass over nonprod's outbox: whatever is new, in order, each item recorded before the next one is looked at. */
import { createHash } from 'node:crypto';
import { AirlockError } from '@airlock/common/errors';
import type { OutboxItem } from '@airlock/common/wire/outbox';
import { chainFault, chainStart } from '../domain/outbox-chain.ts';
import type { Acceptance } from './accept-bundle.ts';
import type { IntakeStore, OutboxClient } from './intake-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

/** The outbox was rewritten. Nothing is taken from it until a person has looked. */
export class OutboxFrozenError extends AirlockError<'E_OUTBOX_FORK'> {}

/** As many items as a page of the protocol holds. */
const pageSize = 16;
/** Pages of one pass: a flood is worked off in steps, between which this process sees to everything else. */
const maxPages = 4;
/** A gate that is so many items behind after a pass is being flooded, or was away for long. */
export const floodedItems = 1000;

export type PollDependencies = {
  source: string;
  outbox: Pick<OutboxClient, 'page'>;
  intake: Pick<IntakeStore, 'cursor' | 'polled' | 'freeze'>;
  promotions: Pick<PromotionStore, 'freezeOf'>;
  transactor: Transactor;
  recorder: Recorder;
  accept(item: OutboxItem): Promise<Acceptance>;
  onAccepted(item: OutboxItem, acceptance: Acceptance): void;
  /** Told after each pass: how many items wait that were not looked at yet. */
  onBehind(items: number): void;
  clock: () => Date;
};

/**
 * @returns how many items were taken, 64 at most.
 * @throws OutboxFrozenError `E_OUTBOX_FORK` while the outbox is frozen, also right when the fork is seen.
 */
export async function pollOutbox(dependencies: PollDependencies): Promise<number> {
  const { source, intake } = dependencies;
  // Outboxes and repositories share one table of freezes; an outbox's name cannot be a repository's URL.
  const name = `outbox:${source}`;
  const frozen = await dependencies.promotions.freezeOf(name);
  if (frozen !== null) throw frozenError(source, frozen.reason);
  let taken = 0;
  let behind = 0;
  for (let pages = 0; pages < maxPages; pages += 1) {
    const end = (await intake.cursor(source)) ?? chainStart;
    const page = await dependencies.outbox.page({ after: end.seq, limit: pageSize });
    const fault = chainFault(end, page);
    if (fault !== null) {
      await freeze(dependencies, { name, end: end.itemHash, detail: fault.detail });
      throw frozenError(source, fault.detail);
    }
    await intake.polled(source, { head: page.head, at: dependencies.clock() });
    for (const item of page.items) {
      dependencies.onAccepted(item, await dependencies.accept(item));
      taken += 1;
    }
    behind = page.head - (page.items.at(-1)?.seq ?? end.seq);
    if (page.items.length < pageSize) break;
  }
  dependencies.onBehind(behind);
  return taken;
}

async function freeze(
  { transactor, intake, recorder, clock }: PollDependencies,
  fork: { name: string; end: string; detail: string },
): Promise<void> {
  await transactor.transaction(async (tx) => {
    const isNew = await intake.freeze(tx, { repository: fork.name, reason: fork.detail });
    if (!isNew) return;
    await recorder.record(tx, {
      type: 'bundle.refused',
      at: clock(),
      actor: 'intake',
      subjectDigest: createHash('sha256').update(fork.detail).digest('hex'),
      refs: { code: 'E_OUTBOX_FORK', after: fork.end },
    });
  });
}

function frozenError(source: string, detail: string): OutboxFrozenError {
  return new OutboxFrozenError(
    'E_OUTBOX_FORK',
    `outbox ${source} is frozen: ${detail}; find out who rewrote it, then delete its row in repository_freeze`,
  );
}
