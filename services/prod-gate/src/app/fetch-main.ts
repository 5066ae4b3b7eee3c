/**
 * Keeps the gate's own mirror of main, and its memory of it: every head goes into the ledger once, and a main that was
 * rewritten freezes its repository until a person has looked.
 */
import { createHash } from 'node:crypto';
import { AirlockError } from '@airlock/common/errors';
import type { Mirror } from './intake-ports.ts';
import type { IntakeStore, PromotionStore, Recorder, Transactor } from './ports.ts';

/** Nothing of this repository is admitted now; trying again does not help by itself. */
export class MainRefusedError extends AirlockError<
  'E_NO_MIRROR' | 'E_REPOSITORY_FROZEN' | 'E_GIT_REWOUND'
> {}

export type FetchMainDependencies = {
  transactor: Transactor;
  intake: Pick<IntakeStore, 'recordHead' | 'freeze'>;
  promotions: Pick<PromotionStore, 'freezeOf'>;
  recorder: Recorder;
  mirror: (repository: string) => Mirror | undefined;
  clock: () => Date;
};

/**
 * @returns the mirror, fetched just now.
 * @throws MainRefusedError; whatever the mirror throws when git cannot be reached.
 */
export async function fetchMain(
  dependencies: FetchMainDependencies,
  repository: string,
): Promise<Mirror> {
  const mirror = dependencies.mirror(repository);
  if (mirror === undefined) {
    throw new MainRefusedError('E_NO_MIRROR', `no mirror of ${repository} is configured`);
  }
  if ((await dependencies.promotions.freezeOf(repository)) !== null) {
    throw new MainRefusedError('E_REPOSITORY_FROZEN', `${repository} is frozen`);
  }
  const head = await fetchOrFreeze(dependencies, mirror, repository);
  if (head !== null) await recordHead(dependencies, { mirror, repository, head });
  return mirror;
}

async function fetchOrFreeze(
  { transactor, intake }: FetchMainDependencies,
  mirror: Mirror,
  repository: string,
): Promise<string | null> {
  try {
    return (await mirror.fetch()).head;
  } catch (cause) {
    if (!(cause instanceof AirlockError) || cause.code !== 'git-rewound') throw cause;
    await transactor.transaction((tx) =>
      intake.freeze(tx, { repository, reason: 'main was rewritten' }),
    );
    throw new MainRefusedError('E_GIT_REWOUND', `main of ${repository} was rewritten`, { cause });
  }
}

async function recordHead(
  { transactor, intake, recorder, clock }: FetchMainDependencies,
  seen: { mirror: Mirror; repository: string; head: string },
): Promise<void> {
  const { repository, head } = seen;
  const facts = await seen.mirror.commitFacts(head, []);
  if (facts === null) return;
  await transactor.transaction(async (tx) => {
    const isNew = await intake.recordHead(tx, {
      repository,
      commit: head,
      position: facts.position,
    });
    if (!isNew) return;
    await recorder.record(tx, {
      type: 'git.head',
      at: clock(),
      actor: 'intake',
      subjectDigest: sha256(`${repository} ${head}`),
      refs: { repository: sha256(repository), commit: head, position: String(facts.position) },
    });
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
