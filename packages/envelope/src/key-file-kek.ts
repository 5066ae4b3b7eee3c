/** Key files, for an installation without Vault: `1.key`, `2.key`, … in one directory, 32 random bytes each. */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { EnvelopeError } from './envelope-error.ts';
import { wrappedVersion, type KekProvider } from './kek-provider.ts';
import { keyBytes, openSealed, seal } from './seal.ts';

/**
 * Reads a file each time it is needed and zeroes it after, so that the key stands in this process's memory for
 * milliseconds and a new file counts at once. The highest number is the current version.
 */
export function createKeyFileKek(directory: string): KekProvider {
  function withKey<T>(version: number, work: (key: Buffer) => T): T {
    const key = readKey(join(directory, `${version}.key`));
    try {
      return work(key);
    } finally {
      key.fill(0);
    }
  }

  function wrapNow(key: Uint8Array, context: Uint8Array): string {
    const version = newestIn(directory);
    const sealed = withKey(version, (kek) => seal(kek, key, context));
    return `file:v${version}:${sealed.toString('base64')}`;
  }

  function unwrapNow(wrapped: string, context: Uint8Array): Buffer {
    const version = wrappedVersion(wrapped, 'file');
    const sealed = Buffer.from(wrapped.slice(wrapped.lastIndexOf(':') + 1), 'base64');
    return withKey(version, (kek) => openSealed(kek, sealed, context));
  }

  return {
    // Shown to whoever may see a page, so that it names no place.
    name: 'key files',
    // Async, so that what is thrown is a rejection as with a keeper across a network.
    wrap: async (key, context) => Promise.resolve(wrapNow(key, context)),
    unwrap: async (wrapped, context) => Promise.resolve(unwrapNow(wrapped, context)),
    async rewrap(wrapped, context) {
      const key = unwrapNow(wrapped, context);
      try {
        return await Promise.resolve(wrapNow(key, context));
      } finally {
        key.fill(0);
      }
    },
    currentVersion: async () => Promise.resolve(newestIn(directory)),
  };
}

function newestIn(directory: string): number {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (cause) {
    throw new EnvelopeError(
      'kek-refused',
      `secrets.keeper.directory: ${directory} cannot be read by this user; correct the path or its owner`,
      { cause },
    );
  }
  const versions = names.flatMap((name) => {
    const [, version] = /^([1-9]\d{0,8})[.]key$/.exec(name) ?? [];
    return version === undefined ? [] : [Number(version)];
  });
  if (versions.length > 0) return Math.max(...versions);
  throw new EnvelopeError(
    'kek-version-missing',
    `secrets.keeper.directory: ${directory} holds no key; make one: (umask 077; openssl rand -out ${join(directory, '1.key')} ${keyBytes})`,
  );
}

function readKey(file: string): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw new EnvelopeError(
      'kek-version-missing',
      `secrets.keeper.directory: ${file} cannot be read, and something is wrapped under it; bring it back`,
      { cause },
    );
  }
  const key = Buffer.alloc(keyBytes);
  try {
    // Asked of the open file, so that what was checked is what is read.
    const facts = fstatSync(descriptor);
    if ((facts.mode & 0o077) !== 0) {
      throw unfit(`${file} is open to other users; run: chmod 600 ${file}`);
    }
    if (!facts.isFile() || facts.size !== keyBytes || readSync(descriptor, key) !== keyBytes) {
      throw unfit(`${file} is not ${keyBytes} bytes; make another: openssl rand -out FILE 32`);
    }
    return key;
  } catch (error) {
    key.fill(0);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function unfit(what: string): EnvelopeError {
  return new EnvelopeError('kek-refused', `secrets.keeper.directory: ${what}`);
}
