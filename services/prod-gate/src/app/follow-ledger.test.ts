import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { appendLeaves } from '@airlock/common/ledger/append';
import { signCheckpoint } from '@airlock/common/ledger/checkpoint';
import { ledgerEntry, type LedgerEntry } from '@airlock/common/ledger/entry';
import { LedgerError, type LedgerCode } from '@airlock/common/ledger/ledger-error';
import { vkeyOf } from '@airlock/common/ledger/note';
import { leafHash } from '@airlock/common/ledger/tree';
import { repositoryDigest } from '../domain/ledger-facts.ts';
import { followLedger } from './follow-ledger.ts';
import type { LedgerReader } from './ledger-ports.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const signer = { name: 'gate.example/ledger', privateKey };
const vkey = vkeyOf(signer.name, privateKey);
const repository = 'https://git.example/org/app';
const moment = (minute: number): string =>
  new Date(Date.UTC(2026, 10, 22, 10, minute)).toISOString();

let minute = 0;
const entry = (type: LedgerEntry['type'], refs: Record<string, string>): Buffer => {
  minute += 1;
  return ledgerEntry({
    ...{ type, refs, at: moment(minute), actor: 'test' },
    subjectDigest: 'a'.repeat(64),
  });
};

const intent = (delivery: string, position: number, target = 'prod-eu'): Buffer =>
  entry('delivery.intent', {
    ...{ delivery, target, promotion: `prm_${position}`, release: `r${position}` },
    ...{ artifact: 'b'.repeat(64), commit: String(position).padStart(40, '0') },
    position: String(position),
  });

const minted = (delivery: string): Buffer => entry('credential.requested', { delivery });

const finished = (delivery: string, state: string): Buffer =>
  entry('delivery.finished', { delivery, state, target: 'prod-eu', promotion: 'x' });

/** What Postgres would answer, with whoever owns it in charge of `bodies` after the checkpoint was signed. */
function database(bodies: Buffer[]): {
  bodies: Buffer[];
  publish(key?: typeof signer): void;
  reader: Pick<LedgerReader, 'checkpoint' | 'entries'>;
} {
  let note: string | null = null;
  const signedAt = new Date();
  return {
    bodies,
    publish(key = signer) {
      const { size, root } = appendLeaves([], 0, bodies.map(leafHash));
      note = signCheckpoint(key, { size, root });
    },
    reader: {
      checkpoint: () =>
        Promise.resolve(note === null ? null : { size: bodies.length, note, signedAt }),
      entries: (from, limit) =>
        Promise.resolve(
          bodies.slice(from, from + limit).map((body, at) => ({
            ...{ index: from + at, body, leafHash: leafHash(body).toString('hex') },
            sequencedAt: signedAt,
          })),
        ),
    },
  };
}

const fails = (code: LedgerCode) => (error: unknown) => {
  assert.ok(error instanceof LedgerError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

describe('what the ledger says', () => {
  test('the newest delivery that succeeded is live, whatever failed or runs after it', async () => {
    const held = database([
      ...[intent('d1', 7), minted('d1'), finished('d1', 'succeeded')],
      ...[intent('d2', 9), minted('d2'), finished('d2', 'failed'), intent('d3', 10)],
      ...[intent('d4', 4, 'prod-us'), minted('d4'), finished('d4', 'succeeded'), minted('d3')],
    ]);
    held.publish();
    const follow = followLedger({ ledger: held.reader, vkey });
    const live = (await follow()).liveOn('prod-eu');
    assert.deepEqual([live?.mainPosition, live?.release, live?.promotionId], [7, 'r7', 'prm_7']);
    assert.equal((await follow()).liveOn('prod-us')?.mainPosition, 4);
    assert.equal((await follow()).liveOn('prod-ap'), null);
    held.bodies.push(finished('d3', 'succeeded'));
    held.publish();
    assert.equal((await follow()).liveOn('prod-eu')?.mainPosition, 10);
  });

  test('an end without a beginning, and one that was told twice, make nothing live', async () => {
    const held = database([intent('d1', 7), minted('d1'), finished('d1', 'failed')]);
    held.bodies.push(finished('d1', 'succeeded'), minted('d9'), finished('d9', 'succeeded'));
    held.publish();
    assert.equal((await followLedger({ ledger: held.reader, vkey })()).liveOn('prod-eu'), null);
  });

  test('a deliverer alone makes nothing live: not without a login, not by a second intent', async () => {
    const held = database([
      ...[intent('d1', 7), minted('d1'), finished('d1', 'succeeded')],
      ...[intent('d2', 3), finished('d2', 'succeeded')],
      ...[intent('d1', 2), finished('d1', 'succeeded')],
      ...[intent('d3', 8), minted('d3'), intent('d3', 1), finished('d3', 'succeeded')],
      ...[intent('d4', Number.NaN), minted('d4'), finished('d4', 'succeeded')],
    ]);
    held.publish();
    const facts = await followLedger({ ledger: held.reader, vkey })();
    assert.equal(facts.liveOn('prod-eu')?.mainPosition, 8);
    assert.deepEqual(facts.deliveriesUnder('a'.repeat(64)), [
      ...['d1', 'd2', 'd1', 'd3', 'd3', 'd4'],
    ]);
  });

  test('an entry that cannot be read says nothing, and stops nobody', async () => {
    const broken = ['git.head', 'delivery.intent', 'configuration.changed'].map((type) =>
      Buffer.from(`{"v":1,"type":"${type}","at":"whatever else`),
    );
    const held = database([...broken, intent('d1', 7), minted('d1'), finished('d1', 'succeeded')]);
    held.publish();
    const facts = await followLedger({ ledger: held.reader, vkey })();
    assert.equal(facts.liveOn('prod-eu')?.mainPosition, 7);
    assert.equal(facts.newestConfiguration(), null);
  });

  test('the configuration with the highest number is the newest, and each was in force', async () => {
    const configuration = (serial: string, digest: string): Buffer => {
      minute += 1;
      return ledgerEntry({
        ...{ type: 'configuration.changed', at: moment(minute), actor: 'intake' },
        ...{ subjectDigest: digest.repeat(64), refs: { serial } },
      });
    };
    const held = database([
      ...[configuration('x', '9'), configuration('1', '1'), configuration('3', '3')],
      configuration('2', '2'),
    ]);
    held.publish();
    const facts = await followLedger({ ledger: held.reader, vkey })();
    assert.deepEqual(facts.newestConfiguration(), { serial: 3, digest: '3'.repeat(64) });
    assert.deepEqual(
      ['1', '2', '3', '9'].map((digest) => facts.wasInForce(digest.repeat(64))),
      [true, true, true, false],
    );
  });

  test('heads of main are told in their order, by repository and place', async () => {
    const head = (position: number, of = repository): Buffer =>
      entry('git.head', {
        ...{ repository: repositoryDigest(of), commit: String(position).padStart(40, '0') },
        position: String(position),
      });
    const held = database([head(3), head(5), head(9, 'https://git.example/other'), head(8)]);
    held.publish();
    const facts = await followLedger({ ledger: held.reader, vkey })();
    const places = facts.headsFrom(repository, 4).map(({ position }) => position);
    assert.deepEqual(places, [5, 8]);
    assert.deepEqual(facts.headsFrom(repository, 9), []);
  });

  test('a repository is frozen until it is released', async () => {
    const refs = { repository: repositoryDigest(repository) };
    const held = database([entry('repository.frozen', refs)]);
    held.publish();
    const follow = followLedger({ ledger: held.reader, vkey });
    assert.equal((await follow()).frozenSince(repository)?.toISOString(), moment(minute));
    assert.equal((await follow()).frozenSince('https://git.example/other'), null);
    held.bodies.push(entry('repository.released', refs));
    held.publish();
    assert.equal((await follow()).frozenSince(repository), null);
  });

  test('what no checkpoint covers yet does not count', async () => {
    const held = database([intent('d1', 7), minted('d1')]);
    const follow = followLedger({ ledger: held.reader, vkey });
    assert.equal((await follow()).liveOn('prod-eu'), null);
    held.publish();
    held.bodies.push(finished('d1', 'succeeded'));
    held.reader.entries = database(held.bodies.slice(0, 2)).reader.entries;
    held.publish();
    await assert.rejects(follow(), fails('root-mismatch'));
  });
});

describe('whoever owns the database', () => {
  const delivered = (): Buffer[] => [
    ...[intent('d1', 7), minted('d1'), finished('d1', 'succeeded')],
    ...[intent('d2', 9), minted('d2'), finished('d2', 'succeeded')],
  ];

  for (const [what, change] of [
    ['changes an entry', (bodies) => bodies.splice(3, 1, intent('d2', 3))],
    ['leaves one out', (bodies) => bodies.splice(3, 3)],
    ['puts one in', (bodies) => bodies.splice(0, 0, intent('d0', 1))],
    ['exchanges two', (bodies) => bodies.reverse()],
  ] as const satisfies readonly [string, (bodies: Buffer[]) => void][]) {
    test(`${what} and is seen`, async () => {
      const held = database(delivered());
      held.publish();
      change(held.bodies);
      const { size } = { size: 6 };
      const { checkpoint } = held.reader;
      held.reader.checkpoint = async () => {
        const row = await checkpoint();
        return row === null ? null : { ...row, size };
      };
      await assert.rejects(followLedger({ ledger: held.reader, vkey })(), fails('root-mismatch'));
    });
  }

  test('sets the ledger back to an earlier size, and is seen by who followed it', async () => {
    const held = database(delivered());
    held.publish();
    const follow = followLedger({ ledger: held.reader, vkey });
    await follow();
    held.bodies.splice(3);
    held.publish();
    await assert.rejects(follow(), fails('consistency-invalid'));
  });

  test('drops every checkpoint, and is seen by who followed them', async () => {
    const held = database(delivered());
    held.publish();
    const follow = followLedger({ ledger: held.reader, vkey });
    await follow();
    held.reader.checkpoint = () => Promise.resolve(null);
    await assert.rejects(follow(), fails('consistency-invalid'));
  });

  test('has the ledger’s key as well and tells another past: seen by who followed the first', async () => {
    const held = database(delivered());
    held.publish();
    const follow = followLedger({ ledger: held.reader, vkey });
    await follow();
    held.bodies.splice(0, 6, ...delivered(), intent('d3', 11));
    held.publish();
    await assert.rejects(follow(), fails('root-mismatch'));
  });

  test('signs with a key of their own and is refused', async () => {
    const held = database(delivered());
    const own = generateKeyPairSync('ed25519').privateKey;
    held.publish({ name: signer.name, privateKey: own });
    await assert.rejects(followLedger({ ledger: held.reader, vkey })(), LedgerError);
  });

  test('gets nothing into the facts by a fault: they are as before it', async () => {
    const held = database(delivered().slice(0, 3));
    held.publish();
    const follow = followLedger({ ledger: held.reader, vkey });
    assert.equal((await follow()).liveOn('prod-eu')?.mainPosition, 7);
    held.bodies.push(...delivered().slice(3));
    held.publish();
    const last = held.bodies.pop();
    assert.ok(last);
    held.bodies.push(finished('d2', 'failed'));
    await assert.rejects(follow(), fails('root-mismatch'));
    held.bodies.splice(-1, 1, last);
    assert.equal((await follow()).liveOn('prod-eu')?.mainPosition, 9);
  });
});
