/** The key-encryption key: kept elsewhere, versioned, and seen by this process as little as its keeper allows. */
import { ConfigurationError } from '@airlock/process/config';
import { contextOf } from './context.ts';
import { EnvelopeError } from './envelope-error.ts';
import { newKey } from './seal.ts';

/**
 * A wrapped key is text whose head names keeper and version: `vault:v3:…`, `file:v1:…`.
 *
 * Everything throws EnvelopeError: `kek-unavailable` when asking later may help, any other code when it does not.
 */
export type KekProvider = {
  /** What keeps the key, for messages. */
  readonly name: string;
  /** Wraps under the newest version. */
  wrap(key: Uint8Array, context: Uint8Array): Promise<string>;
  /** The key; whoever asks zeroes it. `envelope-unopenable` when `context` is not the one it was wrapped for. */
  unwrap(wrapped: string, context: Uint8Array): Promise<Buffer>;
  /** The same key under the newest version. */
  rewrap(wrapped: string, context: Uint8Array): Promise<string>;
  currentVersion(): Promise<number>;
};

const wrappedForm = /^(vault|file):v([1-9]\d{0,8}):[A-Za-z0-9+/]+={0,2}$/;

/** @throws EnvelopeError `envelope-malformed` when `wrapped` is not the text of a provider of that keeper. */
export function wrappedVersion(wrapped: string, keeper?: 'vault' | 'file'): number {
  const [, found, version] = wrappedForm.exec(wrapped) ?? [];
  if (version !== undefined && (keeper === undefined || found === keeper)) return Number(version);
  throw new EnvelopeError(
    'envelope-malformed',
    found === undefined
      ? 'a wrapped key begins with vault:v or file:v and a version'
      : `this key was wrapped by ${found === 'vault' ? 'Vault' : 'a key file'}, and secrets.keeper is another; keys do not move by themselves`,
  );
}

/**
 * Tries out that the keeper binds a wrapped key to its context: unwrapping with another one must fail. A Transit key that
 * is not derived, or a server that ignores what it does not know, would let a key be moved from one project to another.
 *
 * @throws ConfigurationError `configuration-refused` when it does not; EnvelopeError when it could not be tried.
 */
export async function proveContextBinds(kek: KekProvider): Promise<void> {
  const key = newKey();
  const place = contextOf({ type: 'project-dek', project: 'self-test', dek: 'a' });
  const elsewhere = contextOf({ type: 'project-dek', project: 'self-test', dek: 'b' });
  try {
    const wrapped = await kek.wrap(key, place);
    const back = await kek.unwrap(wrapped, place);
    const isSame = back.equals(key);
    back.fill(0);
    if (!isSame) throw refused(`${kek.name} gave another key back than it was given`);
    let moved: Buffer;
    try {
      moved = await kek.unwrap(wrapped, elsewhere);
    } catch (error) {
      if (error instanceof EnvelopeError && error.code === 'envelope-unopenable') return;
      throw error;
    }
    moved.fill(0);
    throw refused(
      `${kek.name} unwraps a key for another place than it was wrapped for; make the Transit key with derived=true`,
    );
  } finally {
    key.fill(0);
  }
}

function refused(what: string): ConfigurationError {
  return new ConfigurationError('configuration-refused', `secrets.keeper: ${what}`);
}
