import { proveContextBinds, type KekProvider } from './kek-provider.ts';

/**
 * A keeper that is asked for nothing before it has proven that it binds a key to its context. Tried again at each call
 * until it could be tried; proven once, it stays so.
 */
export function onceProven(kek: KekProvider): KekProvider & { prove(): Promise<void> } {
  let proof: Promise<void> | null = null;

  async function prove(): Promise<void> {
    proof ??= proveContextBinds(kek);
    const attempt = proof;
    try {
      await attempt;
    } catch (error) {
      if (proof === attempt) proof = null;
      throw error;
    }
  }

  const afterProof = async <T>(call: () => Promise<T>): Promise<T> => {
    await prove();
    return call();
  };
  return {
    name: kek.name,
    prove,
    wrap: (key, context) => afterProof(() => kek.wrap(key, context)),
    unwrap: (wrapped, context) => afterProof(() => kek.unwrap(wrapped, context)),
    rewrap: (wrapped, context) => afterProof(() => kek.rewrap(wrapped, context)),
    currentVersion: () => afterProof(() => kek.currentVersion()),
  };
}
