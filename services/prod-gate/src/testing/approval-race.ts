/**
 * Approve, withdraw and start at the same moment, on a real Postgres, with each process's own rights and through the very use
 * cases that the processes run. Two approvals are needed: one is there and is taken back while the other one is given.
 *
 * @see design rule: approvals, withdrawals, rejections and starts take the promotion's row lock first
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createApprovalStore } from '../adapters/postgres/approval-store.ts';
import { newsOutbox } from '../adapters/postgres/news-outbox.ts';
import { DecisionError } from '../app/decision-error.ts';
import { createWithdrawal } from '../app/withdraw-approval.ts';
import { nameId, openRaceGround } from './race-ground.ts';

export type RaceResult = {
  readonly rounds: number;
  /** Rounds in which a delivery began. */
  readonly deliveries: number;
  /** Rounds in which the withdrawal was confirmed to who withdrew. */
  readonly withdrawals: number;
  /** Rounds in which both happened; one is one too many. */
  readonly both: number;
};

export type ApprovalRace = {
  /** One round. */
  run(): Promise<{ delivered: boolean; withdrawn: boolean }>;
  close(): Promise<void>;
};

/** @param options.locks false takes the row lock away, which shows that the race can be lost. Default true. */
export async function createApprovalRace(
  options: { readonly locks?: boolean } = {},
): Promise<ApprovalRace> {
  const ground = await openRaceGround(options);
  const { owner, web, decisions, signed, shared, promotionsOf, promotionId } = ground;
  const withdraw = createWithdrawal({
    ...{ ...shared, database: web, promotions: promotionsOf(web) },
    approvals: createApprovalStore(web),
    news: newsOutbox,
  });
  const start = ground.starter({ promotions: promotionsOf(ground.deliverer) });

  /** How long the contest of the last round took; the withdrawal of the next one falls anywhere within it. */
  let contestMs = 40;

  return {
    async run() {
      await owner.asOwner('truncate approval, delivery cascade');
      await owner.asOwner(
        "update promotion set state = 'waiting', state_reason = null where id = $1",
        [promotionId],
      );
      await decisions.approve(nameId('mira'), promotionId, await signed('mira'));
      const second = await signed('leo');

      const began = performance.now();
      const contest = { isOver: false };
      const withdrawing = sleep(Math.random() * contestMs)
        .then(() => withdraw(nameId('mira'), promotionId, { reason: '' }))
        .then(() => true, tooLate);
      const approving = decisions
        .approve(nameId('leo'), promotionId, second)
        .then(() => true, tooLate);
      // As the deliverer does: it looks again and again, whatever it was rung for.
      const starting = (async () => {
        let hasBegun = await start(promotionId);
        while (!hasBegun && !contest.isOver) hasBegun = await start(promotionId);
        return hasBegun || (await start(promotionId));
      })();
      const [withdrawn] = await Promise.all([withdrawing, approving]);
      contest.isOver = true;
      const delivered = await starting;
      contestMs = performance.now() - began;
      return { delivered, withdrawn };
    },
    close: () => ground.close(),
  };
}

/** Runs `rounds` rounds; `onRound` is told of each. */
export async function raceApprovals(
  race: Pick<ApprovalRace, 'run'>,
  rounds: number,
  onRound: (done: number) => void = () => {},
): Promise<RaceResult> {
  const count = { deliveries: 0, withdrawals: 0, both: 0 };
  for (let round = 1; round <= rounds; round += 1) {
    const { delivered, withdrawn } = await race.run();
    if (delivered) count.deliveries += 1;
    if (withdrawn) count.withdrawals += 1;
    if (delivered && withdrawn) count.both += 1;
    onRound(round);
  }
  return { rounds, ...count };
}

/** What is wrong with a result, in words; null when every round had one winner and each side won some. */
export function raceFault({ rounds, deliveries, withdrawals, both }: RaceResult): string | null {
  if (both > 0) return `${both} deliveries began beside a withdrawal that was confirmed`;
  if (deliveries + withdrawals !== rounds) {
    return `${rounds - deliveries - withdrawals} rounds ended with neither a delivery nor a withdrawal`;
  }
  return deliveries === 0 || withdrawals === 0 ? 'one side won every round: nothing raced' : null;
}

/** The one refusal that being late earns; every other one is a fault of the race itself. */
function tooLate(error: unknown): false {
  if (error instanceof DecisionError && error.code === 'E_NOT_WAITING') return false;
  throw error;
}
