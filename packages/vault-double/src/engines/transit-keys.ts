/** The paths `keys/…` of the transit engine: making, rotating, configuring and deleting keys. */
import { z } from 'zod';
import {
  ApiFailure,
  type Reply,
  answer,
  noContent,
  readBody,
  unsupportedOperation,
} from '../api.ts';
import type { Call } from '../backend.ts';
import type { Clock } from '../clock.ts';
import { type TransitKey, addVersion, describeVersions, makeKey } from './transit-key.ts';

const Create = z.strictObject({
  type: z.string().default('aes256-gcm96'),
  derived: z.boolean().default(false),
});
const KeyTypes = z.enum(['aes256-gcm96', 'ed25519', 'ecdsa-p256']);
const Config = z.strictObject({
  min_decryption_version: z.int().min(0).optional(),
  min_encryption_version: z.int().min(0).optional(),
  deletion_allowed: z.boolean().optional(),
});

/** Answers `keys/<name>`, `keys/<name>/rotate` and `keys/<name>/config`. */
export function createKeyCalls({ keys, clock }: { keys: Map<string, TransitKey>; clock: Clock }) {
  function keyCall(name: string, part: string | undefined, { operation, body }: Call): Reply {
    const key = keys.get(name);
    if (part === undefined && operation === 'read') {
      if (key === undefined) throw new ApiFailure(404);
      return describe(key);
    }
    if (part === undefined && operation === 'delete') {
      if (key?.deletionAllowed !== true) {
        const why =
          key === undefined
            ? 'could not delete key; not found'
            : 'deletion is not allowed for this key';
        throw new ApiFailure(400, `error deleting policy ${name}: ${why}`);
      }
      keys.delete(name);
      return noContent;
    }
    if (operation !== 'update') throw unsupportedOperation();
    if (part === undefined) return create(name, body);
    if (key === undefined) {
      throw new ApiFailure(
        400,
        part === 'rotate' ? 'key not found' : `no existing key named ${name} could be found`,
      );
    }
    if (part === 'rotate') addVersion(key, clock.now());
    else configure(key, body);
    return describe(key);
  }

  function create(name: string, body: Record<string, unknown>): Reply {
    const wanted = readBody(Create, body);
    const type = KeyTypes.safeParse(wanted.type);
    if (!type.success) throw new ApiFailure(400, `unknown key type ${wanted.type}`);
    if (wanted.derived && type.data !== 'aes256-gcm96') {
      throw new ApiFailure(400, 'this stand-in derives aes256-gcm96 keys only');
    }
    const key = keys.get(name) ?? makeKey(name, type.data, wanted.derived, clock.now());
    keys.set(name, key);
    return describe(key);
  }

  return keyCall;
}

function configure(key: TransitKey, body: Record<string, unknown>): void {
  const wanted = readBody(Config, body);
  const decryption = wanted.min_decryption_version ?? key.minDecryption;
  const encryption = wanted.min_encryption_version ?? key.minEncryption;
  for (const [what, version] of Object.entries({ decryption, encryption })) {
    if (version <= key.latest) continue;
    throw new ApiFailure(
      400,
      `cannot set min ${what} version of ${version}, latest key version is ${key.latest}`,
    );
  }
  key.minDecryption = Math.max(1, decryption);
  key.minEncryption = encryption;
  key.deletionAllowed = wanted.deletion_allowed ?? key.deletionAllowed;
}

function describe(key: TransitKey): Reply {
  const isCipher = key.type === 'aes256-gcm96';
  return answer({
    data: {
      name: key.name,
      type: key.type,
      derived: key.derived,
      ...(key.derived ? { kdf: 'hkdf_sha256', convergent_encryption: false } : {}),
      keys: describeVersions(key),
      latest_version: key.latest,
      min_available_version: 0,
      min_decryption_version: key.minDecryption,
      min_encryption_version: key.minEncryption,
      deletion_allowed: key.deletionAllowed,
      exportable: false,
      allow_plaintext_backup: false,
      imported_key: false,
      supports_decryption: isCipher,
      supports_derivation: key.type !== 'ecdsa-p256',
      supports_encryption: isCipher,
      supports_signing: !isCipher,
    },
  });
}
