/** Whether a secret of the gate's is one of nonprod's too. Nonprod's secrets are there for every build to read. */
import { secretMark, type SecretMark } from '@airlock/common/wire/secret-marks';
import { Secret } from '@airlock/common/secret';

/** What nonprod answered last, under the key that the gate drew for it. */
export type SecretMarkSet = {
  readonly source: string;
  readonly key: Uint8Array;
  readonly marks: readonly SecretMark[];
  readonly takenAt: Date;
};

export type SecretMarkStore = {
  all(): Promise<readonly SecretMarkSet[]>;
  /** Takes the place of what the same source answered before. */
  replace(set: SecretMarkSet): Promise<void>;
};

export type NonprodKnowledge =
  /** Nonprod keeps the same value, as the secret of that name. */
  | { readonly known: true; readonly secret: string }
  | { readonly known: false }
  /**
   * Nobody can say, because nonprod has not answered for a day. No refusal: nonprod must not be able to stop deliveries by
   * silence, and a value that it has was there before it fell silent and was seen then.
   */
  | { readonly known: 'unchecked'; readonly why: string };

const oldestMs = 24 * 3_600_000;

/** Everything secret in a credential. */
export function secretsIn(credential: object): Secret[] {
  return Object.values(credential).filter((value) => value instanceof Secret);
}

/** @returns a function that tells of one value; it reads the marks anew each time. */
export function nonprodKnowledge({
  marks,
  clock,
}: {
  marks: Pick<SecretMarkStore, 'all'>;
  clock: () => Date;
}): (value: Secret) => Promise<NonprodKnowledge> {
  return async (value) => {
    const sets = await marks.all();
    for (const { key, marks: known } of sets) {
      const mark = secretMark(key, value.reveal());
      const same = known.find((candidate) => candidate.mark === mark);
      // Old marks say nothing of what is new, but what they find is found.
      if (same !== undefined) return { known: true, secret: same.secret };
    }
    if (sets.length === 0) return { known: 'unchecked', why: 'nonprod has never told its marks' };
    const oldest = Math.min(...sets.map(({ takenAt }) => takenAt.getTime()));
    if (clock().getTime() - oldest <= oldestMs) return { known: false };
    const since = new Date(oldest).toISOString();
    return { known: 'unchecked', why: `nonprod has told no marks since ${since}` };
  };
}
