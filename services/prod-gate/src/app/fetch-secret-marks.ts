/** One question to nonprod: the marks of its secrets under a key that nobody has seen before. */
import type { OutboxClient } from './intake-ports.ts';
import type { SecretMarkStore } from './known-to-nonprod.ts';

const keyBytes = 32;

/** @returns how many secrets nonprod keeps. */
export async function fetchSecretMarks({
  source,
  outbox,
  marks,
  random,
  clock,
}: {
  source: string;
  outbox: Pick<OutboxClient, 'secretMarks'>;
  marks: Pick<SecretMarkStore, 'replace'>;
  random: (count: number) => Buffer;
  clock: () => Date;
}): Promise<number> {
  const key = random(keyBytes);
  const answer = await outbox.secretMarks({ key: key.toString('hex') });
  await marks.replace({ source, key, marks: answer.marks, takenAt: clock() });
  return answer.marks.length;
}
