/** Notes for each waiting promotion what main has that it has not, and what of it is taken back there. */
import { maxDeltaCommits } from '../domain/delta.ts';
import { listedNewer, revertsOf, type NewerCommits } from '../domain/newer.ts';
import type { Promotion } from '../domain/promotion.ts';
import { eachInTurn } from './each-in-turn.ts';
import type { Mirror } from './intake-ports.ts';
import type { NewerStore } from './newer-ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

/** Newer commits that are counted and looked through; a promotion that is further behind is told so by the number. */
const maxNewer = 1000;

export type NoteNewerDependencies = {
  promotions: Pick<PromotionStore, 'inState'>;
  newer: NewerStore;
  mirror: (repository: string) => Mirror | undefined;
};

export async function noteNewer({ promotions, newer, mirror }: NoteNewerDependencies) {
  await eachInTurn(await promotions.inState('waiting'), async (promotion) => {
    const git = mirror(promotion.repository);
    const head = await git?.mainHead();
    if (git === undefined || head === undefined || head === null) return;
    if ((await newer.of(promotion.id))?.head === head) return;
    await newer.put(promotion.id, await readNewer(git, promotion, head));
  });
}

async function readNewer(
  git: Mirror,
  promotion: Pick<Promotion, 'commit' | 'delta'>,
  head: string,
): Promise<NewerCommits> {
  const range = { from: promotion.commit, to: head, limit: maxNewer };
  const [commits, reverts, shipped] = await Promise.all([
    git.log(range),
    git.reverts(range),
    git.log({
      from: promotion.delta.base?.commit ?? null,
      to: promotion.commit,
      limit: maxDeltaCommits,
    }),
  ]);
  return {
    head,
    total: commits.length,
    commits: commits.slice(0, listedNewer).map(({ commit, subject, authorName, committedAt }) => ({
      ...{ commit, subject, authorName, committedAt },
    })),
    reverts: revertsOf(reverts, shipped),
  };
}
