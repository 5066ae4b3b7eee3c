import { releaseRefusals, type FilesFrom, type ReleaseRefusal } from '../domain/held-run.ts';
import type { Events } from '../events.ts';
import type { HeldFiles } from './held-files.ts';
import type { Bell } from './ports.ts';
import type { ReleaseStore, WaitingRun } from './release-ports.ts';
import type { Membership } from './trust-ports.ts';

export interface ReleaseWish {
  readonly runId: string;
  /** The commit that was looked at. */
  readonly commit: string;
  readonly files: FilesFrom;
  /** Of the difference that was on the page; may be left out when the base branch's files are wanted as they are. */
  readonly filesDigest: string | null;
  readonly person: { readonly id: string; readonly name: string };
}

export type ReleaseAnswer =
  | { readonly kind: 'released' }
  | { readonly kind: 'refused'; readonly reasons: readonly ReleaseRefusal[] }
  | { readonly kind: 'not-found' };

const tooLate: ReleaseRefusal = {
  code: 'head-moved',
  text: 'It was pushed to, or released by somebody else, just now; look at it again.',
};

/** A member lets a held run be built. Taken down here; the scheduler makes its jobs. */
export function createReleaseRun(ports: {
  readonly releases: ReleaseStore;
  readonly members: Pick<Membership, 'identitiesOf'>;
  readonly bell: Bell;
  readonly events: Events;
  readonly readHeldFiles: (run: WaitingRun) => Promise<HeldFiles>;
}): (wish: ReleaseWish) => Promise<ReleaseAnswer> {
  const { releases, members, bell, events, readHeldFiles } = ports;
  return async (wish) => {
    const run = await releases.run(wish.runId);
    if (run === null) return { kind: 'not-found' };
    const { digest, pullRequest } = await readHeldFiles(run);
    const asked =
      wish.filesDigest ?? (wish.files === 'base' ? digest : 'the difference was not looked at');
    const identities = await members.identitiesOf(wish.person.id);
    const reasons = releaseRefusals(
      { ...run, pullRequest, filesDigest: digest },
      { commit: wish.commit, filesDigest: asked },
      { id: wish.person.id, identities },
    );
    if (reasons.length > 0) return { kind: 'refused', reasons };
    if (!(await releases.ask({ ...wish, filesDigest: digest }))) {
      return { kind: 'refused', reasons: [tooLate] };
    }
    const { id, commit } = run;
    events.runReleased({ id, commit, files: wish.files, filesDigest: digest }, wish.person.id);
    bell.ring(id);
    return { kind: 'released' };
  };
}
