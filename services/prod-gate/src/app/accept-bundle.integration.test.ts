import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createContentStore, type ContentStore } from '@airlock/artifacts/content-store';
import { inspectStored } from '@airlock/artifacts/inspect';
import { tarOf } from '@airlock/artifacts/testing/tar-builder';
import { AirlockError } from '@airlock/common/errors';
import type { OutboxItem } from '@airlock/common/wire/outbox';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { createWaiverStore } from '../adapters/postgres/waiver-store.ts';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createIntakeStore } from '../adapters/postgres/intake-store.ts';
import { recorder } from '../adapters/postgres/ledger-store.ts';
import { newsOutbox } from '../adapters/postgres/news-outbox.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createReplacedDocumentStore } from '../adapters/postgres/replaced-document-store.ts';
import { createLedgerFold, type LedgerFacts } from '../domain/ledger-facts.ts';
import { acceptBundle, type Acceptance } from './accept-bundle.ts';
import { fetchArtifact } from './fetch-blobs.ts';
import { measureRoom, type RoomLimits } from './artifact-room.ts';
import { floodedItems, pollOutbox } from './poll-outbox.ts';
import { refreshPromotions } from './refresh-promotions.ts';
import type { GateFiles } from './configuration-ports.ts';
import {
  filesOf,
  itemOf,
  mirrorOf,
  plannedVector,
  sha,
  vectorNamed,
  vectors,
  type Vector,
} from './vectors.fixture.ts';
import { makeDocument } from './make-document.ts';
import { createArtifactReader } from '../adapters/files/artifact-reader.ts';

const source = 'nonprod';
const gateOrigin = 'https://gate.example';

let gate: TestGateDatabase;
let intakeDatabase: GateDatabase;
let storeDirectory: string;
let artifacts: ContentStore;

before(async () => {
  gate = await createGateDatabase();
  intakeDatabase = openDatabase(gate.settings('gate_intake'));
  storeDirectory = mkdtempSync(join(tmpdir(), 'airlock-intake-'));
  artifacts = createContentStore(storeDirectory);
});
after(async () => {
  await intakeDatabase.close();
  await gate.dispose();
  rmSync(storeDirectory, { recursive: true });
});
beforeEach(async () => {
  await gate.asOwner(
    'truncate outbox_cursor, intake_item, promotion, target_live, delivery, git_head, repository_freeze, ledger_pending cascade',
  );
});

const roomy: RoomLimits = { maxStoreBytes: 1 << 30, keepFreePercent: 1 };

class MissingBlob extends AirlockError<'outbox-blob-missing'> {}

/** Nonprod's blobs by digest. */
function blobsOf(...contents: Uint8Array[]) {
  const blobs = new Map(contents.map((bytes) => [sha(bytes), bytes]));
  return (digest: string): Promise<AsyncIterable<Uint8Array>> => {
    const bytes = blobs.get(digest);
    return bytes === undefined
      ? Promise.reject(new MissingBlob('outbox-blob-missing', 'none'))
      : Promise.resolve(chunks(bytes));
  };
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += 65_536) {
    yield await Promise.resolve(bytes.subarray(offset, offset + 65_536));
  }
}

function dependencies(vector: Vector, overrides: { blob?: ReturnType<typeof blobsOf> } = {}) {
  const intake = createIntakeStore(intakeDatabase);
  const promotions = createPromotionStore(intakeDatabase);
  return {
    gate: gateOrigin,
    source,
    transactor: intakeDatabase,
    intake,
    promotions,
    recorder,
    files: () => Promise.resolve(filesOf(vector)),
    outbox: {
      blob:
        overrides.blob ??
        blobsOf(Buffer.from(vector.bundle, 'base64'), Buffer.from(vector.artifact, 'base64')),
    },
    ...{ artifacts, contents: createArtifactReader(artifacts) },
    inspect: (digest: string, name: string) => inspectStored(artifacts, { digest, name }),
    room: () => measureRoom(artifacts, roomy),
    mirror: (repository: string) =>
      repository === 'https://git.example/org/app' ? mirrorOf(vector) : undefined,
    maxArtifactBytes: 1_000_000,
    clock: () => new Date(vector.now),
    random: (count: number) => randomBytes(count),
    ledger: () => Promise.resolve(createLedgerFold()),
  };
}

function targetOf(vector: Vector) {
  const target = filesOf(vector).targets.get('prod-eu');
  assert.ok(target);
  return target;
}

async function accept(
  vector: Vector,
  overrides: { blob?: ReturnType<typeof blobsOf>; seq?: number } = {},
): Promise<Acceptance> {
  const given = dependencies(vector, overrides);
  await given.intake.polled(source, { head: 99, at: new Date(vector.now) });
  const end = await given.intake.cursor(source);
  const item = itemOf(vector, {
    seq: (end?.seq ?? 0) + 1,
    prevHash: end?.itemHash ?? '0'.repeat(64),
  });
  return acceptBundle(given, item);
}

/** What the vector says was admitted and delivered before, as rows. */
async function arrange(vector: Vector): Promise<void> {
  const { envelopes, invocations, lastPosition } = vector.state;
  for (const envelope of envelopes) await seed({ target: vector.target, envelope });
  for (const [run, artifact] of Object.entries(invocations)) {
    await seed({ target: 'elsewhere', run, artifact });
  }
  if (lastPosition === null) return;
  const id = await seed({ target: vector.target, state: 'superseded' });
  await gate.asOwner(
    `insert into delivery (id, promotion_id, target, state, step, fence, owner, heartbeat_at, intent_digest)
     values ($1, $2, $3, 'succeeded', 'finished', 1, 'x', now(), 'x')`,
    [id.replace('prm_', 'dlv_'), id, vector.target],
  );
  await gate.asOwner(
    `insert into target_live values ($1, $2, $3, '2026.11.20-1', $4, $5, $6, now())`,
    [vector.target, id, id.replace('prm_', 'dlv_'), sha('live'), 'f'.repeat(40), lastPosition],
  );
}

async function seed(fields: {
  target: string;
  state?: string;
  envelope?: string;
  run?: string;
  artifact?: string;
}): Promise<string> {
  const name = randomBytes(5).toString('hex');
  const id = `prm_${name}`;
  await gate.asOwner(
    `insert into promotion (id, target, release, state, subject_name, artifact_digest, artifact_size, repository, commit,
       main_position, pipeline, builder_id, key_ids, invocation_id, built_at, requester, requester_idp, reason, requested_at,
       expires_at, bundle, bundle_digest, envelope_digest, provenance_digest, policy_digest, hook, document, promotion_digest, delta)
     values ($1, $2, 'r', $3, 's', $4, 1, 'repo', 'c', 1, 'p', 'b', '{}', $5, now(), 'x', 'x', 'x', now(),
       now(), '', $6, $7, $8, 'p', 'h', '', 'd', '{}')`,
    [
      id,
      fields.target,
      fields.state ?? 'waiting',
      fields.artifact ?? sha(`a ${name}`),
      fields.run ?? `run ${name}`,
      sha(`b ${name}`),
      fields.envelope ?? sha(`e ${name}`),
      sha(`p ${name}`),
    ],
  );
  return id;
}

describe('every admission vector, through the whole of intake', () => {
  for (const vector of vectors) {
    // No vector states a plan, and the gate admits no build of which it does not know the plan.
    const expected = vector.expect === 'OK' ? 'E_PLAN_MISSING' : vector.expect;
    test(`${vector.id} gives ${expected}`, async () => {
      await arrange(vector);
      const acceptance = await accept(vector);
      assert.equal(acceptance.outcome === 'refused' && acceptance.code, expected);
      const items = await gate.asOwner('select outcome, code from intake_item');
      assert.deepEqual(items, [{ outcome: 'refused', code: expected }]);
      const entries = await gate.asOwner(
        `select convert_from(body, 'UTF8')::jsonb ->> 'type' as type from ledger_pending order by id desc limit 1`,
      );
      assert.equal(entries[0]?.['type'], 'bundle.refused');
    });
  }
});

describe('the plan that ran', () => {
  const codeOf = async (vector: Vector, mirror = mirrorOf(vector)): Promise<string> => {
    const given = { ...dependencies(vector), mirror: () => mirror };
    await given.intake.polled(source, { head: 1, at: new Date(vector.now) });
    const item = itemOf(vector, { seq: 1, prevHash: '0'.repeat(64) });
    const acceptance = await acceptBundle(given, item);
    return acceptance.outcome === 'admitted' ? 'OK' : acceptance.code;
  };

  test('is compiled from the gate’s own mirror; another one is refused, though the builder’s key signed it', async () => {
    assert.equal(await codeOf(plannedVector({ planDigest: 'a'.repeat(64) })), 'E_PLAN_DIGEST');
  });

  test('ran on software that the target does not list: refused', async () => {
    assert.equal(await codeOf(plannedVector({ runnerImage: 'a'.repeat(64) })), 'E_RUNNER_IMAGE');
  });

  test('cannot be known where the files are absent, faulty, or longer than a parser may be given', async () => {
    class TooLarge extends AirlockError {}
    const reads: (() => Promise<Buffer | null>)[] = [
      () => Promise.resolve(null),
      () => Promise.resolve(Buffer.from('steps: 1\n')),
      () => Promise.resolve(Buffer.from(`# ${'x'.repeat(65_536)}\nsteps: []\n`)),
      () => Promise.reject(new TooLarge('git-too-large', 'more than 16 MiB')),
    ];
    for (const readBlob of reads) {
      const vector = plannedVector();
      assert.equal(await codeOf(vector, { ...mirrorOf(vector), readBlob }), 'E_PLAN_DIGEST');
      await gate.asOwner('truncate outbox_cursor, intake_item');
    }
  });
});

describe('around the bundle', () => {
  const good = plannedVector();

  test('an admitted release waits, with a document of its own and its artifact in our store', async () => {
    const acceptance = await accept(good);
    assert.equal(acceptance.outcome, 'admitted');
    const promotion = await createPromotionStore(intakeDatabase).find(acceptance.promotionId);
    assert.equal(promotion?.state, 'waiting');
    assert.equal(promotion.release, '2026.11.21-3');
    assert.equal(promotion.requester, 'dana');
    assert.deepEqual(promotion.delta.emails, ['dana@example.com']);
    assert.equal(promotion.expiresAt.toISOString(), '2026-11-22T12:00:00.000Z');
    assert.equal(await artifacts.has(promotion.artifactDigest), true);
    const evidence = await createPromotionStore(intakeDatabase).evidence(promotion.id);
    assert.equal(sha(evidence?.document ?? ''), promotion.promotionDigest);
  });

  test('the very same bundle is a replay even after its promotion expired', async () => {
    const first = await accept(good);
    assert.equal(first.outcome, 'admitted');
    await gate.asOwner("update promotion set state = 'expired'");
    const second = await accept(good);
    assert.deepEqual(second.outcome === 'refused' && second.code, 'E_REPLAY');
  });

  test('bytes that are not those of the item are refused, bundle and artifact alike', async () => {
    const bundle = Buffer.from(good.bundle, 'base64');
    const artifact = Buffer.from(good.artifact, 'base64');
    const other = Buffer.from('tampered');
    const tampered = (digest: string) => (asked: string) =>
      Promise.resolve(chunks(asked === digest ? other : asked === sha(bundle) ? bundle : artifact));
    rmSync(join(storeDirectory, 'blobs/sha256', sha(artifact)), { force: true });
    rmSync(join(storeDirectory, 'blobs/sha256', sha(bundle)), { force: true });
    const withArtifact = await accept(good, { blob: tampered(sha(artifact)) });
    assert.equal(withArtifact.outcome === 'refused' && withArtifact.code, 'E_ARTIFACT_DIGEST');
    rmSync(join(storeDirectory, 'blobs/sha256', sha(bundle)), { force: true });
    const withBundle = await accept(good, { blob: tampered(sha(bundle)) });
    assert.equal(withBundle.outcome === 'refused' && withBundle.code, 'E_BUNDLE_DIGEST');
  });

  test('bytes that nonprod does not have are a refusal, so that they stop nothing behind them', async () => {
    const acceptance = await accept(good, { blob: blobsOf() });
    assert.equal(acceptance.outcome === 'refused' && acceptance.code, 'E_BLOB_MISSING');
  });

  test('changes that git cannot list within its limit are a refusal, and no try without end', async () => {
    const given = dependencies(good);
    await given.intake.polled(source, { head: 1, at: new Date(good.now) });
    class TooLarge extends AirlockError {}
    const mirror = () => ({
      ...mirrorOf(good),
      changedFiles: () => Promise.reject(new TooLarge('git-too-large', 'more than 64 MiB')),
    });
    const acceptance = await acceptBundle(
      { ...given, mirror },
      itemOf(good, { seq: 1, prevHash: '0'.repeat(64) }),
    );
    assert.partialDeepStrictEqual(acceptance, { outcome: 'refused', code: 'E_DELTA_TOO_LARGE' });
  });

  test('the artifact of a bundle that is refused is never fetched', async () => {
    const unsigned = vectorNamed('S12');
    const asked: string[] = [];
    const blob = blobsOf(Buffer.from(unsigned.bundle, 'base64'));
    await accept(unsigned, {
      blob: (digest) => {
        asked.push(digest);
        return blob(digest);
      },
    });
    assert.deepEqual(asked, [sha(Buffer.from(unsigned.bundle, 'base64'))]);
  });

  test('a rewritten main freezes the repository and admits nothing of it from then on', async () => {
    const given = dependencies(good);
    await given.intake.polled(source, { head: 2, at: new Date() });
    const rewound = {
      ...mirrorOf(good),
      fetch: () => Promise.reject(new AirlockError('git-rewound', 'main was rewritten')),
    };
    const first = itemOf(good, { seq: 1, prevHash: '0'.repeat(64) });
    const refusal = await acceptBundle({ ...given, mirror: () => rewound }, first);
    assert.equal(refusal.outcome === 'refused' && refusal.code, 'E_GIT_REWOUND');
    const after = await accept(good);
    assert.equal(after.outcome === 'refused' && after.code, 'E_REPOSITORY_FROZEN');
  });

  test('an unreachable git server refuses nothing: the item is looked at again', async () => {
    const given = dependencies(good);
    await given.intake.polled(source, { head: 1, at: new Date() });
    const down = {
      ...mirrorOf(good),
      fetch: () => Promise.reject(new AirlockError('git-unreachable', 'no route')),
    };
    await assert.rejects(
      acceptBundle(
        { ...given, mirror: () => down },
        itemOf(good, { seq: 1, prevHash: '0'.repeat(64) }),
      ),
      { code: 'git-unreachable' },
    );
    assert.deepEqual(await gate.asOwner('select * from intake_item'), []);
    assert.equal((await given.intake.cursor(source))?.seq, 0);
  });

  test('each head of main is told to the ledger once', async () => {
    await accept(good);
    await gate.asOwner("update promotion set state = 'expired'");
    await accept(good);
    const heads = await gate.asOwner(
      `select 1 from ledger_pending where convert_from(body, 'UTF8')::jsonb ->> 'type' = 'git.head'`,
    );
    assert.equal(heads.length, 1);
  });
});

describe('the artifact', () => {
  const good = plannedVector();

  test('that could be unpacked elsewhere is refused with its code, and not kept', async () => {
    const item = itemOf(good, { seq: 1, prevHash: '0'.repeat(64) });
    const archive = tarOf({ name: '../../etc/cron.d/x', content: 'evil' });
    const dependent = {
      outbox: { blob: blobsOf(archive) },
      artifacts,
      inspect: (digest: string, name: string) => inspectStored(artifacts, { digest, name }),
      room: () => measureRoom(artifacts, roomy),
      maxArtifactBytes: 1_000_000,
    };
    const artifact = { digest: sha(archive), size: archive.length };
    await assert.rejects(fetchArtifact(dependent, { ...item, artifact }, 'app.tar'), {
      code: 'E_ARCHIVE_PATH',
      message: /^app\.tar: member "\.\.\/\.\.\/etc\/cron\.d\/x" leads out/,
    });
    assert.equal(await artifacts.has(sha(archive)), false);
    // What is there for another promotion stays, whatever an item says of it.
    await artifacts.put(chunks(archive), { maxBytes: 1_000_000 });
    await assert.rejects(fetchArtifact(dependent, { ...item, artifact }, 'app.tar'));
    assert.equal(await artifacts.has(sha(archive)), true);
  });

  test('that is kept already is not sent again, so that nonprod sends no other bytes for it', async () => {
    const item = itemOf(good, { seq: 1, prevHash: '0'.repeat(64) });
    const kept = Buffer.from('kept for another target');
    await artifacts.put(chunks(kept), { maxBytes: 1_000 });
    let asked = 0;
    const dependent = {
      outbox: {
        blob: () => {
          asked += 1;
          return Promise.resolve(chunks(Buffer.alloc(500_000)));
        },
      },
      artifacts,
      inspect: () => Promise.resolve(null),
      room: () => Promise.resolve({ bytes: 0, bound: 'full' }),
      maxArtifactBytes: 1_000_000,
    };
    const artifact = { digest: sha(kept), size: kept.length };
    const found = await fetchArtifact(dependent, { ...item, artifact }, 'app.tar');
    assert.deepEqual([found, asked], [{ size: kept.length }, 0]);
  });

  test('waits, with its item, while the store has no room for it', async () => {
    const given = dependencies(good);
    await given.intake.polled(source, { head: 1, at: new Date(good.now) });
    const item = itemOf(good, { seq: 1, prevHash: '0'.repeat(64) });
    await artifacts.remove(item.artifact.digest);
    const full = { bytes: item.artifact.size - 1, bound: '99 of at most 99 bytes are used' };
    const acceptInto = (room: typeof full) =>
      acceptBundle({ ...given, room: () => Promise.resolve(room) }, item);
    await assert.rejects(acceptInto(full), {
      code: 'artifact-store-full',
      message: /99 of at most 99 bytes are used; nothing is taken .* deliveries go on/,
    });
    assert.equal((await given.intake.cursor(source))?.seq, 0);
    assert.equal(await artifacts.has(item.artifact.digest), false);
    const enough = { ...full, bytes: item.artifact.size };
    assert.equal((await acceptInto(enough)).outcome, 'admitted');
  });

  test('that claims to be small is cut off where the room ends', async () => {
    const given = dependencies(good);
    await given.intake.polled(source, { head: 1, at: new Date(good.now) });
    const honest = itemOf(good, { seq: 1, prevHash: '0'.repeat(64) });
    await artifacts.remove(honest.artifact.digest);
    const item = { ...honest, artifact: { ...honest.artifact, size: 0 } };
    const room = () => Promise.resolve({ bytes: 3, bound: 'three bytes are left' });
    await assert.rejects(acceptBundle({ ...given, room }, item), { code: 'artifact-store-full' });
    assert.equal(await artifacts.has(item.artifact.digest), false);
  });

  test('has the room that quota and disk leave, whichever is less', async () => {
    const store = (sizes: number[], freeBytes: number) => ({
      list: () => Promise.resolve(sizes.map((size) => ({ size }))),
      space: () => Promise.resolve({ freeBytes, totalBytes: 1000 }),
    });
    const limits = { maxStoreBytes: 500, keepFreePercent: 10 };
    const bytes = async (sizes: number[], free: number) =>
      (await measureRoom(store(sizes, free), limits)).bytes;
    assert.equal(await bytes([100, 50], 1000), 350);
    assert.equal(await bytes([100, 50], 400), 300);
    assert.equal(await bytes([100, 50], 99), 0);
    assert.equal(await bytes([501], 1000), 0);
    const bucket = { ...store([100], 0), space: () => Promise.resolve(null) };
    assert.equal((await measureRoom(bucket, limits)).bytes, 400);
  });
});

describe('the outbox', () => {
  const good = plannedVector();

  function poll(pages: (after: number) => { items: OutboxItem[]; head: number }) {
    const given = dependencies(good);
    return pollOutbox({
      ...given,
      outbox: { page: ({ after }) => Promise.resolve(pages(after)) },
      accept: (item) => acceptBundle(given, item),
      onAccepted: () => undefined,
      onBehind: (items) => {
        behind = items;
      },
    });
  }

  let behind = 0;

  const first = itemOf(good, { seq: 1, prevHash: '0'.repeat(64) });

  test('new items are taken in order, once', async () => {
    const second = itemOf(vectorNamed('S12'), { seq: 2, prevHash: first.hash });
    const all = [first, second];
    const pages = (after: number) => ({ items: all.filter((item) => item.seq > after), head: 2 });
    assert.equal(await poll(pages), 2);
    assert.equal(await poll(pages), 0);
  });

  test('a fork freezes the outbox for good and goes into the ledger', async () => {
    await poll((after) => ({ items: after === 0 ? [first] : [], head: 1 }));
    const forked = itemOf(good, { seq: 2, prevHash: 'e'.repeat(64) });
    const pages = () => ({ items: [forked], head: 2 });
    await assert.rejects(poll(pages), { code: 'E_OUTBOX_FORK' });
    const honest = itemOf(good, { seq: 2, prevHash: first.hash });
    await assert.rejects(
      poll(() => ({ items: [honest], head: 2 })),
      { code: 'E_OUTBOX_FORK' },
    );
    assert.equal((await gate.asOwner('select * from intake_item')).length, 1);
    const entries = await gate.asOwner(
      `select convert_from(body, 'UTF8')::jsonb -> 'refs' ->> 'code' as code from ledger_pending order by id desc limit 1`,
    );
    assert.equal(entries[0]?.['code'], 'E_OUTBOX_FORK');
  });

  test('ten thousand items are worked off in steps of 64, and what is behind is told', async () => {
    const flood: OutboxItem[] = [];
    const bogus = vectorNamed('S12');
    for (let seq = 1; seq <= 10_000; seq += 1) {
      flood.push(itemOf(bogus, { seq, prevHash: flood.at(-1)?.hash ?? '0'.repeat(64) }));
    }
    const pages = (after: number) => ({ items: flood.slice(after, after + 16), head: 10_000 });
    assert.equal(await poll(pages), 64);
    assert.equal(behind, 10_000 - 64);
    assert.ok(behind > floodedItems);
    assert.equal(await poll(pages), 64);
    assert.equal((await gate.asOwner('select 1 from intake_item')).length, 128);
  });

  test('an outbox that lost its end is a fork', async () => {
    await poll((after) => ({ items: after === 0 ? [first] : [], head: 1 }));
    await assert.rejects(
      poll(() => ({ items: [], head: 0 })),
      { code: 'E_OUTBOX_FORK' },
    );
  });
});

describe('while a promotion waits', () => {
  const good = plannedVector();

  async function refresh(
    changes: { files?: GateFiles; now?: string; ledger?: LedgerFacts } = {},
  ): Promise<string[]> {
    const seen: string[] = [];
    await refreshPromotions({
      ...dependencies(good),
      files: () => Promise.resolve(changes.files ?? filesOf(good)),
      replaced: createReplacedDocumentStore(intakeDatabase),
      waivers: createWaiverStore(intakeDatabase),
      git: () => mirrorOf(good),
      ledger: () => Promise.resolve(changes.ledger ?? createLedgerFold()),
      news: newsOutbox,
      onChange: (change) => {
        seen.push(change.change);
      },
      clock: () => new Date(changes.now ?? good.now),
    });
    return seen;
  }

  const toldOf = async (thread: string) =>
    (
      await gate.asOwner('select type from notification where thread = $1 order by type', [thread])
    ).map(({ type }) => type);

  async function waiting() {
    const acceptance = await accept(good);
    assert.equal(acceptance.outcome, 'admitted');
    const find = async () => {
      const found = await createPromotionStore(intakeDatabase).find(acceptance.promotionId);
      assert.ok(found);
      return found;
    };
    return { find, before: await find() };
  }

  test('nothing changes while nothing changed', async () => {
    const { find, before } = await waiting();
    assert.deepEqual(await refresh(), []);
    assert.deepEqual(await find(), before);
  });

  test('a promotion of before artifacts were compared gets a document that says what its own holds', async () => {
    const { find, before } = await waiting();
    const digest = sha(Buffer.from(good.artifact, 'base64'));
    assert.deepEqual(before.delta.artifact?.after.digest, digest);
    const { artifact, ...old } = before.delta;
    assert.ok(artifact);
    const made = makeDocument({
      ...{ gate: gateOrigin, facts: before, delta: old, editors: null, waiver: null },
      target: targetOf(good),
      rosterDigest: filesOf(good).roster.digest,
    });
    await gate.asOwner(
      `update promotion set delta = delta - 'artifact', document = $2, promotion_digest = $3 where id = $1`,
      [before.id, made.document, made.promotionDigest],
    );
    assert.equal((await find()).delta.artifact, undefined);
    assert.deepEqual(await refresh(), ['renewed']);
    assert.deepEqual(await find(), { ...before, version: (await find()).version });
    const [replaced] = await gate.asOwner(
      'select changed from replaced_document where promotion_id = $1',
      [before.id],
    );
    assert.deepEqual(replaced, { changed: ['delta'] });
  });

  test('a changed target file or roster is another document, for which nobody approved', async () => {
    const { find, before } = await waiting();
    const files = filesOf(good);
    const target = files.targets.get('prod-eu');
    assert.ok(target);
    const changed: GateFiles = {
      ...files,
      targets: new Map([['prod-eu', { ...target, digest: sha('edited') }]]),
    };
    assert.deepEqual(await refresh({ files: changed }), ['renewed']);
    const renewed = await find();
    assert.notEqual(renewed.promotionDigest, before.promotionDigest);
    assert.equal(renewed.policyDigest, sha('edited'));
    assert.deepEqual(await toldOf(before.id), ['promotion.voided']);
    const roster = { ...changed, roster: { ...files.roster, digest: sha('new roster') } };
    assert.deepEqual(await refresh({ files: roster }), ['renewed']);
    assert.notEqual((await find()).promotionDigest, renewed.promotionDigest);
  });

  test('the document that was approved is kept with what changed, and the ledger says so', async () => {
    const { before } = await waiting();
    const { document } = (await createPromotionStore(intakeDatabase).evidence(before.id)) ?? {};
    const files = filesOf(good);
    const target = files.targets.get('prod-eu');
    assert.ok(target && document);
    const policy = structuredClone(target.policy);
    policy.deliver.hook = `load-release@sha256:${'b'.repeat(64)}`;
    policy.approvals.expires = 3_600;
    const changed: GateFiles = {
      ...files,
      targets: new Map([['prod-eu', { policy, digest: sha('edited') }]]),
      roster: { ...files.roster, digest: sha('new roster') },
    };
    await refresh({ files: changed });
    const [replaced, ...more] = await createReplacedDocumentStore(intakeDatabase).of(before.id);
    assert.deepEqual(more, []);
    assert.ok(replaced);
    assert.deepEqual(replaced.document, document);
    assert.equal(replaced.promotionDigest, before.promotionDigest);
    assert.deepEqual(replaced.changed, ['policy', 'hook', 'roster']);
    const [entry] = await gate.asOwner(
      "select convert_from(body, 'UTF8')::jsonb as body from ledger_pending where convert_from(body, 'UTF8') like '%promotion.renewed%' order by id desc limit 1",
    );
    const body = entry?.['body'] as { subjectDigest: string; refs: Record<string, string> };
    assert.equal(body.subjectDigest, before.promotionDigest);
    assert.deepEqual(body.refs, {
      promotion: before.id,
      replacedBy: replaced.replacedBy,
      changed: 'policy, hook, roster',
    });
  });

  test('another release that goes live is another base', async () => {
    const { find, before } = await waiting();
    const ledger = createLedgerFold();
    const entry = { v: 1 as const, at: good.now, actor: 'deliverer', subjectDigest: sha('live') };
    const refs = { delivery: 'dlv_live', promotion: 'prm_live', target: good.target };
    const live = { release: '2026.11.20-1', artifact: sha('live'), commit: 'f'.repeat(40) };
    const intent = { ...refs, ...live, position: '3' };
    ledger.apply({ ...{ ...entry, type: 'delivery.intent' }, refs: intent }, 0);
    ledger.apply({ ...{ ...entry, type: 'credential.requested' }, refs }, 1);
    const end = { ...refs, state: 'succeeded' };
    ledger.apply({ ...{ ...entry, type: 'delivery.finished' }, refs: end }, 2);
    assert.deepEqual(await refresh({ ledger }), ['renewed']);
    const renewed = await find();
    assert.equal(before.delta.base, null);
    assert.deepEqual(renewed.delta.base, { commit: 'f'.repeat(40), release: '2026.11.20-1' });
  });

  test('an expiry that falls on this moment is over', async () => {
    const { find, before } = await waiting();
    assert.deepEqual(await refresh({ now: before.expiresAt.toISOString() }), ['expired']);
    assert.equal((await find()).state, 'expired');
    assert.deepEqual(await toldOf(before.id), ['promotion.expired']);
  });

  test('a release further on main supersedes one that still waits', async () => {
    const { find } = await waiting();
    const newer = await seed({ target: 'prod-eu' });
    await gate.asOwner(
      `update promotion set main_position = 11, release = '2026.11.22-1', expires_at = 'infinity',
         commit = $2, hook = 'h', policy_digest = 'p', delta = $3, promotion_digest = $4 where id = $1`,
      [newer, 'c'.repeat(40), JSON.stringify((await find()).delta), sha('the newer document')],
    );
    await gate.asOwner(`update promotion set expires_at = '2027-01-01' where id = $1`, [newer]);
    await gate.asOwner(
      `update promotion p set repository = q.repository, subject_name = q.subject_name, requester = 'dana',
         artifact_digest = q.artifact_digest from promotion q where p.id = $1 and q.id <> $1`,
      [newer],
    );
    assert.ok((await refresh()).includes('superseded'));
    const found = await find();
    assert.equal(found.state, 'superseded');
    assert.equal(found.stateReason, '2026.11.22-1 was asked for');
  });
});
