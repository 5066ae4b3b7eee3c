/**
 * Keeps the gate's own mirror of main, and its memory of it: every head goes into the ledger once, and a main that was
 * rewritten freezes its repository until the administrators have accepted the new one in the signed configuration.
 */
import { createHash } from 'node:crypto';
import { AirlockError } from '@airlock/common/errors';
import { headDigest, repositoryDigest } from '../domain/ledger-facts.ts';
import type { FollowLedger } from './follow-ledger.ts';
import type { IntakeStore, Mirror } from './intake-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

/** Nothing of this repository is admitted now; trying again does not help by itself. */
export class MainRefusedError extends AirlockError<
  'E_NO_MIRROR' | 'E_REPOSITORY_FROZEN' | 'E_GIT_REWOUND'
> {}

export type FetchMainDependencies = {
  transactor: Transactor;
  intake: Pick<IntakeStore, 'recordHead' | 'freeze' | 'release'>;
  promotions: Pick<PromotionStore, 'freezeOf'>;
  recorder: Recorder;
  files(): Promise<GateFiles>;
  ledger: FollowLedger;
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
  await requireReleased(dependencies, mirror, repository);
  const head = await fetchOrFreeze(dependencies, mirror, repository);
  if (head !== null) await recordHead(dependencies, { mirror, repository, head });
  return mirror;
}

/** Passes when the repository is not frozen, or when the signed configuration accepts the main that it was frozen for. */
async function requireReleased(
  dependencies: FetchMainDependencies,
  mirror: Mirror,
  repository: string,
): Promise<void> {
  const row = await dependencies.promotions.freezeOf(repository);
  // Whoever deletes the row lifts nothing.
  if (row === null && (await dependencies.ledger()).frozenSince(repository) === null) return;
  const { roster } = await dependencies.files();
  const head = await mirror.mainHead();
  const accepted = roster.roster.acceptedMains.find(
    (rewrite) =>
      rewrite.repository === repository && [rewrite.from, rewrite.to].includes(head ?? ''),
  );
  if (accepted === undefined) {
    throw new MainRefusedError(
      'E_REPOSITORY_FROZEN',
      `${repository} is frozen at ${String(head)}; see docs/operations/rewritten-main.md`,
    );
  }
  const { from, to } = accepted;
  if (head === from) {
    // Whoever moved it meanwhile releases the repository.
    if (!(await acceptRewrite(mirror, { from, to }))) return;
  }
  // Without a row the release is recorded, and on its way into the ledger.
  else if (row === null) return;
  await dependencies.transactor.transaction(async (tx) => {
    await dependencies.intake.release(tx, repository);
    await dependencies.recorder.record(tx, {
      type: 'repository.released',
      at: dependencies.clock(),
      actor: 'intake',
      subjectDigest: sha256(`${repository} ${to}`),
      refs: { repository: repositoryDigest(repository), from, to, roster: roster.digest },
    });
  });
}

/** False when another look of this process, which found the same rewrite accepted, was first. */
async function acceptRewrite(
  mirror: Mirror,
  rewrite: { from: string; to: string },
): Promise<boolean> {
  try {
    await mirror.acceptRewrite(rewrite);
    return true;
  } catch (cause) {
    if (!isRewound(cause)) throw cause;
    if ((await mirror.mainHead()) === rewrite.to) return false;
    throw new MainRefusedError('E_REPOSITORY_FROZEN', cause.message, { cause });
  }
}

async function fetchOrFreeze(
  { transactor, intake, recorder, clock }: FetchMainDependencies,
  mirror: Mirror,
  repository: string,
): Promise<string | null> {
  try {
    return (await mirror.fetch()).head;
  } catch (cause) {
    if (!isRewound(cause)) throw cause;
    const head = (await mirror.mainHead()) ?? '';
    await transactor.transaction(async (tx) => {
      const reason = `main was rewritten; the gate stands at ${head}`;
      if (!(await intake.freeze(tx, { repository, reason }))) return;
      await recorder.record(tx, {
        type: 'repository.frozen',
        at: clock(),
        actor: 'intake',
        subjectDigest: headDigest(repository, head),
        refs: { repository: repositoryDigest(repository), commit: head },
      });
    });
    throw new MainRefusedError('E_GIT_REWOUND', cause.message, { cause });
  }
}

function isRewound(cause: unknown): cause is AirlockError {
  return cause instanceof AirlockError && cause.code === 'git-rewound';
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
      subjectDigest: headDigest(repository, head),
      refs: {
        repository: repositoryDigest(repository),
        commit: head,
        position: String(facts.position),
      },
    });
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
