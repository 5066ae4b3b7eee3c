/**
 * The transit secrets engine: encryption, data keys and signatures by keys that never leave it. `rewrap` passes the context
 * on and no associated data, and older servers ignore associated data altogether: whoever binds a ciphertext to its place
 * has to use a derived key and its context.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import {
  ApiFailure,
  type Reply,
  answer,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend, Call } from '../backend.ts';
import type { Clock } from '../clock.ts';
import type { Profile } from '../profile.ts';
import {
  type Extras,
  type TransitKey,
  decrypt,
  encrypt,
  isSignedBy,
  makeKey,
  signInput,
} from './transit-key.ts';
import { createKeyCalls } from './transit-keys.ts';

const Base64 = z.string().transform((text, context) => {
  const offset = text.search(/[^A-Za-z0-9+/=]/);
  if (offset === -1 && text.length % 4 === 0) return Buffer.from(text, 'base64');
  context.addIssue({
    code: 'custom',
    message: `illegal base64 data at input byte ${offset === -1 ? text.length : offset}`,
  });
  return z.NEVER;
});

const Item = z.object({
  plaintext: Base64.optional(),
  ciphertext: z.string().optional(),
  context: Base64.optional(),
  associated_data: Base64.optional(),
  reference: z.string().default(''),
});
type Item = z.infer<typeof Item>;
const Sign = z.object({
  input: Base64.default(() => Buffer.alloc(0)),
  signature: z.string().optional(),
  marshaling_algorithm: z.enum(['asn1', 'jws']).default('asn1'),
});
const DataKey = z.object({ context: Base64.optional(), bits: z.coerce.number().default(256) });
export function createTransitEngine({
  clock,
  profile,
}: {
  clock: Clock;
  profile: Profile;
}): Backend {
  const keys = new Map<string, TransitKey>();
  const keyCall = createKeyCalls({ keys, clock });

  function keyNamed(name: string): TransitKey {
    const key = keys.get(name);
    if (key === undefined) throw new ApiFailure(400, 'encryption key not found');
    return key;
  }

  function extrasOf(item: Item, isRewrap: boolean): Extras {
    const takesData = !isRewrap && profile.associatedData === 'bound';
    return { context: item.context, aad: takesData ? item.associated_data : undefined };
  }

  function encryptItem(name: string, item: Item): Record<string, unknown> {
    if (item.plaintext === undefined) throw new ApiFailure(400, 'missing plaintext to encrypt');
    // Encrypting under a name that is new makes the key, for whoever may create it.
    let key = keys.get(name);
    if (key === undefined) {
      key = makeKey(name, 'aes256-gcm96', item.context !== undefined, clock.now());
      keys.set(name, key);
    }
    return {
      ciphertext: encrypt(key, item.plaintext, extrasOf(item, false)),
      key_version: key.latest,
    };
  }

  function decryptItem(name: string, item: Item, isRewrap = false): Buffer {
    const key = keyNamed(name);
    if (item.ciphertext === undefined || item.ciphertext === '') {
      throw new ApiFailure(400, 'missing ciphertext to decrypt');
    }
    return decrypt(key, item.ciphertext, extrasOf(item, isRewrap), profile.wrongTransitKey);
  }

  const work: Record<string, (name: string, item: Item) => Record<string, unknown>> = {
    encrypt: encryptItem,
    decrypt: (name, item) => ({ plaintext: decryptItem(name, item).toString('base64') }),
    rewrap(name, item) {
      const plaintext = decryptItem(name, item, true);
      const key = keyNamed(name);
      return {
        ciphertext: encrypt(key, plaintext, { context: item.context }),
        key_version: key.latest,
      };
    },
  };

  function one(
    action: (name: string, item: Item) => Record<string, unknown>,
    name: string,
    body: Record<string, unknown>,
  ): Reply {
    if (body['batch_input'] === undefined) {
      return answer({ data: action(name, readBody(Item, body)) });
    }
    const { batch_input: batch } = readBody(z.object({ batch_input: z.array(z.unknown()) }), body);
    if (batch.length === 0) throw new ApiFailure(400, 'missing batch input to process');
    const items = batch.map((item) =>
      readBody(Item, z.record(z.string(), z.unknown()).parse(item)),
    );
    if (items.some((item) => (item.context === undefined) !== (items[0]?.context === undefined))) {
      throw new ApiFailure(
        400,
        'context should be set either in all the request blocks or in none',
      );
    }
    const results = items.map((item) => {
      try {
        return { ...action(name, item), reference: item.reference };
      } catch (error) {
        if (!(error instanceof ApiFailure) || error.status === 500) throw error;
        return { error: error.message, reference: item.reference };
      }
    });
    const reply = answer({ data: { batch_results: results } });
    return results.some((result) => 'error' in result) ? { ...reply, status: 400 } : reply;
  }

  function dataKey(kind: string, name: string, body: Record<string, unknown>): Reply {
    if (kind !== 'plaintext' && kind !== 'wrapped') {
      throw new ApiFailure(400, "Invalid path, must be 'plaintext' or 'wrapped'");
    }
    const key = keyNamed(name);
    const { bits, context } = readBody(DataKey, body);
    if (![128, 256, 512].includes(bits)) throw new ApiFailure(400, 'invalid bit length');
    const plaintext = randomBytes(bits / 8);
    const ciphertext = encrypt(key, plaintext, { context });
    const shown = kind === 'plaintext' ? { plaintext: plaintext.toString('base64') } : {};
    return answer({ data: { ciphertext, key_version: key.latest, ...shown } });
  }

  function signature(kind: string, name: string, body: Record<string, unknown>): Reply {
    const key = keys.get(name);
    if (key === undefined)
      throw new ApiFailure(
        400,
        `${kind === 'sign' ? 'signing' : 'signature verification'} key not found`,
      );
    const { input, signature: given, marshaling_algorithm: form } = readBody(Sign, body);
    const isJws = form === 'jws';
    if (kind === 'sign') {
      const made = signInput(key, input, isJws);
      return answer({ data: { signature: made, key_version: key.latest } });
    }
    if (given === undefined) {
      throw new ApiFailure(400, "neither a 'signature' nor an 'hmac' were given to verify");
    }
    return answer({ data: { valid: isSignedBy(key, input, given, isJws) } });
  }

  const backend = (call: Call): Reply => {
    const { operation, path, body } = call;
    if (path === 'keys' || path === 'keys/') {
      if (operation !== 'list') throw unsupportedOperation();
      if (keys.size === 0) throw new ApiFailure(404);
      return answer({ data: { keys: [...keys.keys()].sort() } });
    }
    const [, name, part] = /^keys\/([^/]+)(?:\/(rotate|config))?$/.exec(path) ?? [];
    if (name !== undefined) return keyCall(name, part, call);
    const [, kind = '', rest = ''] =
      /^(encrypt|decrypt|rewrap|sign|verify|datakey)\/(.+)$/.exec(path) ?? [];
    const [, dataKeyKind, keyName = ''] = /^(?:([^/]+)\/)?([^/]+)$/.exec(rest) ?? [];
    if (kind === '' || (kind === 'datakey') !== (dataKeyKind !== undefined)) {
      throw unsupportedPath();
    }
    if (operation !== 'update') throw unsupportedOperation();
    if (dataKeyKind !== undefined) return dataKey(dataKeyKind, keyName, body);
    const action = work[kind];
    return action === undefined ? signature(kind, keyName, body) : one(action, keyName, body);
  };
  return Object.assign(backend, {
    exists(path: string) {
      const [, name] = /^encrypt\/([^/]+)$/.exec(path) ?? [];
      return name === undefined || keys.has(name);
    },
  });
}
