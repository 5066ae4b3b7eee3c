import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { configurationPayloadType, intotoPayloadType } from '../constants.ts';
import { signEnvelope, type SigningKey } from '../dsse/sign.ts';
import { sha256Hex } from '../encoding/hex.ts';
import { importAdministrators, type AdministratorsFile } from './administrators.ts';
import {
  differencesFrom,
  manifestBytes,
  quorumFault,
  succession,
  verifyManifest,
  type ConfigurationManifest,
} from './configuration-manifest.ts';
import { keyIdOf } from './signer.ts';

const a = 'a'.repeat(64);
const b = 'b'.repeat(64);
const manifest: ConfigurationManifest = {
  version: 1,
  serial: 4,
  previous: a,
  files: { 'trust.json': a, 'roster.yaml': b, 'targets/prod-eu.yaml': a },
};

type Person = AdministratorsFile['keys'][number] & { readonly signing: SigningKey };

function person(name: string, adminDomain: string, ed25519 = false): Person {
  const { publicKey, privateKey } = ed25519
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyid = keyIdOf(publicKey);
  return {
    ...{ keyid, name, adminDomain, alg: ed25519 ? 'ed25519' : 'ecdsa-p256-sha256' },
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    signing: { keyid, privateKey },
  };
}

function rowOf({ keyid, publicKeyPem, alg, adminDomain, name }: Person) {
  return { keyid, publicKeyPem, alg, adminDomain, name };
}

const ada = person('Ada', 'platform');
const ben = person('Ben', 'security', true);
const cleo = person('Cleo', 'platform');
const stranger = person('Stranger', 'elsewhere');

function administrators(changes: Partial<AdministratorsFile> = {}, people = [ada, ben, cleo]) {
  const keys = people.map(rowOf);
  return importAdministrators({ version: 1, threshold: 2, domains: 2, keys, ...changes });
}

const signed = (payload: Uint8Array, by: readonly Person[], type = configurationPayloadType) => {
  const [first, ...rest] = by.map(({ signing }) => signing);
  assert.ok(first);
  return Buffer.from(signEnvelope(type, payload, [first, ...rest]));
};
const good = manifestBytes(manifest);

/** The envelope with other members, as somebody who holds no key can make it. */
function altered(envelope: Buffer, change: (json: Record<string, unknown>) => object): Buffer {
  // An envelope is an object.
  const json = JSON.parse(envelope.toString()) as Record<string, unknown>;
  return Buffer.from(JSON.stringify(change(json)));
}

function refused(envelope: Buffer, code: string, message: RegExp, root = administrators()): void {
  assert.throws(() => verifyManifest(envelope, root), { code, message });
}

test('a manifest that enough people of enough domains signed is what its files are judged by', () => {
  const verified = verifyManifest(signed(good, [ada, ben]), administrators());
  assert.deepEqual(verified.manifest, manifest);
  assert.equal(verified.digest, sha256Hex(good));
  assert.deepEqual(verified.signers, [ada.keyid, ben.keyid]);
});

describe('a quorum is people and domains, not signatures', () => {
  test('one signature short', () => {
    refused(
      signed(good, [ada]),
      'E_CONFIGURATION_QUORUM',
      /1 of 2 administrators signed of 1 of 2 .*not yet: Ben, Cleo/,
    );
  });

  test('two people of one domain where two domains are asked for', () => {
    refused(
      signed(good, [ada, cleo]),
      'E_CONFIGURATION_QUORUM',
      /2 of 2 .*1 of 2 administrative domains; not yet: Ben/,
    );
    verifyManifest(signed(good, [ada, cleo]), administrators({ domains: 1 }));
  });

  test('one key twice', () => {
    refused(signed(good, [ada, ada]), 'E_CONFIGURATION_QUORUM', /E_SIG_DUP/);
  });

  test('a stranger beside one administrator', () => {
    refused(signed(good, [ada, stranger]), 'E_CONFIGURATION_QUORUM', /1 of 2/);
  });

  test('strangers alone', () => {
    refused(signed(good, [stranger]), 'E_CONFIGURATION_QUORUM', /E_KEY_UNKNOWN/);
  });

  test('a stranger beside a quorum is no fault: a former administrator may have signed, too', () => {
    verifyManifest(signed(good, [stranger, ada, ben]), administrators());
  });

  test('what is missing is told by name while signatures are collected', () => {
    assert.match(quorumFault(administrators(), []) ?? '', /^0 of 2 .*: Ada, Ben, Cleo$/);
    assert.equal(quorumFault(administrators(), [ben.keyid, cleo.keyid]), null);
  });
});

describe('what was signed is what counts', () => {
  const envelope = signed(good, [ada, ben]);

  test('another payload under the signatures', () => {
    const other = manifestBytes({ ...manifest, serial: 5 }).toString('base64');
    refused(
      altered(envelope, (json) => ({ ...json, payload: other })),
      'E_CONFIGURATION_QUORUM',
      /E_SIG_INVALID/,
    );
  });

  test('a statement of another kind that administrators signed', () => {
    const statement = signed(good, [ada, ben], intotoPayloadType);
    refused(statement, 'E_CONFIGURATION_QUORUM', /E_PAYLOAD_TYPE/);
    refused(
      altered(statement, (json) => ({ ...json, payloadType: configurationPayloadType })),
      'E_CONFIGURATION_QUORUM',
      /E_SIG_INVALID/,
    );
  });

  for (const [what, payload] of [
    ['white space', Buffer.from(JSON.stringify(manifest, null, 1))],
    ['files in another order', Buffer.from(JSON.stringify(manifest))],
    ['an unknown member', Buffer.from(JSON.stringify({ ...manifest, extra: 1 }))],
    ['a path outside', Buffer.from(JSON.stringify({ ...manifest, files: { '../trust.json': a } }))],
    ['the number 0', Buffer.from(JSON.stringify({ ...manifest, serial: 0 }))],
    ['no JSON', Buffer.from('serial: 4')],
  ] as const) {
    test(`signed bytes that nobody but this code reads: ${what}`, () => {
      refused(signed(payload, [ada, ben]), 'E_CONFIGURATION_MANIFEST', /./);
    });
  }

  test('an envelope that is none', () => {
    refused(Buffer.from('{}'), 'E_CONFIGURATION_QUORUM', /E_ENVELOPE/);
    refused(Buffer.from('{'), 'E_CONFIGURATION_MANIFEST', /E_JSON/);
  });
});

test('a file that is missing, extra or other is told with both digests', () => {
  const found = new Map([
    ['trust.json', a],
    ['roster.yaml', a],
    ['targets/staging.yaml', b],
  ]);
  assert.deepEqual(differencesFrom(manifest, found), [
    { path: 'roster.yaml', expected: b, found: a },
    { path: 'targets/prod-eu.yaml', expected: a, found: null },
    { path: 'targets/staging.yaml', expected: null, found: b },
  ]);
  assert.deepEqual(differencesFrom(manifest, new Map(Object.entries(manifest.files))), []);
});

describe('a configuration comes after the newest that the ledger knows', () => {
  const newest = { serial: 4, digest: a };
  const next = { serial: 5, digest: b, previous: a };

  test('the first, the one in force, the next, and one after a gap may come', () => {
    assert.equal(succession({ ...next, serial: 1, previous: null }, null), null);
    assert.equal(succession({ ...newest, previous: null }, newest), null);
    assert.equal(succession(next, newest), null);
    assert.equal(succession({ ...next, serial: 9, previous: b }, newest), null);
  });

  test('an older one, another of the same number and one that follows another may not', () => {
    assert.match(succession({ ...next, serial: 3 }, newest) ?? '', /number 3, .*has number 4/);
    assert.match(succession({ ...next, serial: 4 }, newest) ?? '', /another number 4/);
    assert.match(succession({ ...next, previous: b }, newest) ?? '', /follows b+ and not a+/);
    assert.match(succession({ ...next, previous: null }, newest) ?? '', /follows nothing/);
  });
});

describe('the root of trust', () => {
  for (const [what, keys, changes, message] of [
    ['a key twice', [ada, { ...ada, name: 'Eve' }], {}, /stands twice/],
    ['one person with two keys', [ada, { ...ben, name: 'Ada' }], {}, /name Ada stands twice/],
    ['a key under the id of another', [{ ...ada, keyid: ben.keyid }, ben], {}, /Ada: its id is/],
    ['a key of another kind than it says', [{ ...ada, alg: 'ed25519' }, ben], {}, /not one for/],
    ['no key', [{ ...ada, publicKeyPem: 'x' }, ben], {}, /Ada: one PEM block/],
    ['fewer keys than the quorum', [ada, ben], { threshold: 3 }, /can never be 3 of/],
    ['fewer domains than the quorum', [ada, cleo], {}, /2 keys of 1 domains/],
  ] as const) {
    test(`${what} is refused`, () => {
      assert.throws(
        () =>
          importAdministrators({
            ...{ version: 1, threshold: 2, domains: 2 },
            keys: keys.map(rowOf),
            ...changes,
          }),
        { code: 'E_TRUST_STORE', message },
      );
    });
  }

  test("an administrator's key has no role and speaks for no builder", () => {
    for (const { pinned } of administrators().keys) {
      assert.deepEqual([pinned.roles, pinned.builderIds], [[], []]);
    }
  });
});
