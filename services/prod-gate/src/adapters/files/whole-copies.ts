import type { ContentStore } from '@airlock/artifacts/content-store';
import { AirlockError } from '@airlock/common/errors';

/** How old a look may be: what was read once is remembered by its digest, and no memory sees a disk go bad. */
const lookAgainMs = 15 * 60_000;
/** One for each target is what is asked for. */
const mostLooks = 1_000;

/**
 * A store of which a blob is there only while its bytes are whole, looked at once in a quarter of an hour. A damaged one is set
 * aside, so that every process comes to the same: authority and deliverer hash what they read, and find the damage themselves.
 *
 * @param onDamaged told of each that was set aside, or could not be.
 */
export function wholeCopies(
  store: Pick<ContentStore, 'has' | 'openVerified' | 'setAside'>,
  around: {
    readonly now: () => Date;
    readonly onDamaged: (digest: string, keptAs: string | null) => void;
  },
): Pick<ContentStore, 'has' | 'openVerified'> {
  const looks = new Map<string, { readonly at: number; readonly isWhole: boolean }>();

  async function isWhole(digest: string): Promise<boolean> {
    try {
      const { handle } = await store.openVerified(digest);
      await handle.close();
      return true;
    } catch (cause) {
      if (!(cause instanceof AirlockError)) throw cause;
      if (cause.code === 'artifact-missing') return false;
      if (cause.code !== 'artifact-corrupt') throw cause;
      around.onDamaged(digest, await store.setAside(digest));
      return false;
    }
  }

  return {
    openVerified: (digest) => store.openVerified(digest),
    async has(digest) {
      if (!(await store.has(digest))) return false;
      const now = around.now().getTime();
      const looked = looks.get(digest);
      // A clock that was put back is no reason to trust what was seen.
      if (looked !== undefined && looked.at <= now && now < looked.at + lookAgainMs) {
        return looked.isWhole;
      }
      const look = { at: now, isWhole: await isWhole(digest) };
      if (looks.size >= mostLooks) looks.clear();
      // What was set aside is not there any more: the right bytes are seen as soon as they are back.
      if (look.isWhole || (await store.has(digest))) looks.set(digest, look);
      else looks.delete(digest);
      return look.isWhole;
    },
  };
}
