/**
 * What waits is judged before it is decided on, and the answer thrown away: the judgement that counts then finds the commits
 * read, the connections open and the program warm. Nothing is decided by it, and nothing depends on it.
 */
import { eachInTurn } from './each-in-turn.ts';

/** Of those that are new or came to differ; the others have their turn in the next pass. */
const mostAtOnce = 16;

type Waiting = { readonly id: string; readonly promotionDigest: string };

const keyOf = ({ id, promotionDigest }: Waiting): string => `${id} ${promotionDigest}`;

/** @returns a function that does one pass. @throws (the function) what a judgement throws, after all had their turn. */
export function createLookAhead(given: {
  /** Those that wait, the newest last. */
  readonly waiting: () => Promise<readonly Waiting[]>;
  readonly judge: (promotionId: string) => Promise<unknown>;
}): () => Promise<void> {
  let seen: ReadonlySet<string> = new Set();
  return async () => {
    const waiting = await given.waiting();
    const newest = waiting.at(-1);
    const fresh = waiting.filter((each) => !seen.has(keyOf(each))).slice(-mostAtOnce);
    const isLeft = new Set(waiting.map(keyOf));
    seen = new Set([...[...seen].filter((key) => isLeft.has(key)), ...fresh.map(keyOf)]);
    // One always, so that what is warm stays so.
    const asked = fresh.length === 0 && newest !== undefined ? [newest] : fresh;
    await eachInTurn(asked, async ({ id }) => {
      await given.judge(id);
    });
  };
}
