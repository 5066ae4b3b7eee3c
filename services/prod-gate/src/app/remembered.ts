/** What was read of a commit stays so: remembers the newest answers of each mirror, and forgets one that failed. */
export function remembered<Answer>(
  most: number,
): (git: object, key: string, read: () => Promise<Answer>) => Promise<Answer> {
  const ofMirror = new WeakMap<object, Map<string, Promise<Answer>>>();
  return async (git, key, read) => {
    const answers = ofMirror.get(git) ?? new Map<string, Promise<Answer>>();
    ofMirror.set(git, answers);
    const answer = answers.get(key) ?? read();
    answers.delete(key);
    answers.set(key, answer);
    const [oldest] = answers.keys();
    if (answers.size > most && oldest !== undefined) answers.delete(oldest);
    try {
      return await answer;
    } catch (cause) {
      answers.delete(key);
      throw cause;
    }
  };
}
