/**
 * What was read of a commit stays so: remembers the newest answers of each mirror, and forgets one that failed.
 *
 * @param most answers of one mirror.
 * @param mayKeep false for an answer that may be another one later, such as that a commit has not come, or is too large to
 *   be kept. Default: every answer may.
 */
export function remembered<Answer>(
  most: number,
  mayKeep: (answer: Answer) => boolean = () => true,
): (git: object, key: string, read: () => Promise<Answer>) => Promise<Answer> {
  const ofMirror = new WeakMap<object, Map<string, Promise<Answer>>>();
  return async (git, key, read) => {
    const answers = ofMirror.get(git) ?? new Map<string, Promise<Answer>>();
    ofMirror.set(git, answers);
    const pending = answers.get(key) ?? read();
    answers.delete(key);
    answers.set(key, pending);
    const [oldest] = answers.keys();
    if (answers.size > most && oldest !== undefined) answers.delete(oldest);
    const forget = (): void => {
      if (answers.get(key) === pending) answers.delete(key);
    };
    try {
      const answer = await pending;
      if (!mayKeep(answer)) forget();
      return answer;
    } catch (cause) {
      forget();
      throw cause;
    }
  };
}
