/** `airlock policy replay` as people run it, on promotions that the gate's own store wrote. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { replay, type ReplayReport, type ReplayRow } from '@airlock/cli/policy-replay/compare';
import { readPastPromotions } from '@airlock/cli/policy-replay/past-promotions';
import { createSigningKey, trustRow } from '@airlock/cli/setup/signing-keys';
import { formatId } from '@airlock/common/ids';
import { TargetPolicy } from '@airlock/common/policy/target-policy';
import { parseConfiguration, readConfiguration } from '@airlock/process/configuration-directory';
import { poolConfig } from '@airlock/process/settings';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { makeDocument } from '../../app/make-document.ts';
import { makeDelta } from '../../domain/delta.ts';
import { noDetails } from '../../testing/delta-details.ts';
import { openDatabase } from './client.ts';
import { createPromotionStore } from './promotion-store.ts';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const builder = 'https://ci.example/builders/main@v1';
/** Of yesterday, so that the default span has it. */
const admittedAt = new Date(Math.floor(Date.now() / 1000) * 1000 - 86_400_000);
const after10m = new Date(admittedAt.getTime() + 600_000);

const file = {
  version: 1,
  target: 'prod-eu',
  admits: [
    {
      repo: 'https://git.example/shop.git',
      refs: ['refs/heads/main'],
      ...{ pipeline: '.woodpecker.yaml', releaseFile: '.airlock/release.yaml' },
      subject: 'shop.tar.gz',
      builders: { id: builder, threshold: 1, images: [`sha256:${'0'.repeat(64)}`] },
      ...{ maxAge: '14d', tests: 'required', signedCommits: 'not-required' },
    },
  ],
  approvals: {
    rules: [{ role: 'release-manager', count: 2 }],
    exclude: ['requester', 'authors', 'committers'],
    expires: '24h',
  },
  credentials: {
    vault: {
      ...{ jwtMount: 'jwt-eu', jwtRole: 'deliver', ttl: '5m' },
      reads: [{ as: 'db', kind: 'database', mount: 'database', role: 'shop' }],
    },
  },
  deliver: {
    hook: `load@sha256:${'0'.repeat(64)}`,
    timeout: '2m',
    params: {},
    egress: [{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: 5432, name: 'shop' }],
  },
};
const inForce = JSON.stringify(file);
const people = [
  ['mira', 'release-manager'],
  ['oke', 'release-manager'],
  ['sam', 'security'],
  ['dana', 'developer'],
].map(([id, role]) => ({
  ...{ id, name: id, nameId: `${id}@idp.example`, roles: [role], passkeys: [] },
  gitEmails: [`${id}@example.com`],
}));

let gate: TestGateDatabase;
let at: string;
const ids = { delivered: '', expired: '', rejected: '' };

before(async () => {
  gate = await createGateDatabase();
  at = mkdtempSync(join(tmpdir(), 'airlock-replay-'));
  mkdirSync(join(at, 'gate/targets'), { recursive: true });
  const key = createSigningKey('ed25519');
  const row = trustRow({
    ...{ key, roles: ['provenance'], builderIds: [builder], adminDomain: 'nonprod' },
    ...{ notBefore: new Date(0), notAfter: new Date(Date.now() + 86_400_000) },
  });
  for (const [name, text] of [
    ['gate/trust.json', JSON.stringify({ version: 1, signers: [row] })],
    ['gate/roster.yaml', JSON.stringify({ version: 1, people })],
    ['gate/targets/prod-eu.yaml', inForce],
    ['database.yaml', JSON.stringify({ database: gate.settings('gate_audit') })],
  ] as const) {
    writeFileSync(join(at, name), text);
  }
  ids.delivered = await promotion(key.keyid, { state: 'live', approvedBy: ['mira', 'oke'] });
  ids.expired = await promotion(key.keyid, { state: 'expired', approvedBy: ['mira'] });
  ids.rejected = await promotion(key.keyid, { state: 'rejected', approvedBy: [] });
  await gate.asOwner(
    `insert into approval (id, promotion_id, person, decision, promotion_digest, created_at)
     values ($1, $2, 'oke', 'reject', 'x', $3)`,
    [formatId('apr', randomBytes(10)), ids.rejected, after10m],
  );
  await gate.asOwner(
    `insert into delivery (id, promotion_id, target, state, step, fence, owner, heartbeat_at, started_at, finished_at, intent_digest)
     values ($1, $2, 'prod-eu', 'succeeded', 'done', 1, 'deliverer', $3, $3, $3, 'x')`,
    [formatId('dlv', randomBytes(10)), ids.delivered, after10m],
  );
});
after(async () => {
  await gate.dispose();
  rmSync(at, { recursive: true });
});

/** As intake writes it; its changes touch infra/. */
async function promotion(
  keyid: string,
  { state, approvedBy }: { state: string; approvedBy: readonly string[] },
): Promise<string> {
  const id = formatId('prm', randomBytes(10));
  const facts = {
    ...{ id, target: 'prod-eu', release: `shop@1.0.0-${state}`, mainPosition: 7 },
    ...{ repository: 'https://git.example/shop.git', commit: sha(id).slice(0, 40) },
    ...{ subjectName: 'shop.tar.gz', artifactDigest: sha(`artifact ${id}`) },
    ...{ bundleDigest: sha(`bundle ${id}`), provenanceDigest: sha(`provenance ${id}`) },
    ...{ requester: 'dana@idp.example', requestedAt: admittedAt, admittedAt },
    returns: null,
  };
  const delta = makeDelta({
    base: null,
    commits: [],
    files: [{ path: 'infra/main.tf', status: 'M', added: 1, removed: 0 }],
    details: noDetails,
  });
  const policy = { policy: TargetPolicy.parse(file), digest: sha(inForce) };
  const made = makeDocument({
    waiver: null,
    ...{ gate: 'https://gate.example', facts, target: policy, rosterDigest: sha('roster') },
    ...{ delta, editors: null },
  });
  const database = openDatabase(gate.settings('gate_intake'));
  await database.transaction((tx) =>
    createPromotionStore(database).insert(tx, {
      ...{ ...facts, ...made, id, delta, artifactSize: 5, pipeline: '.woodpecker.yaml' },
      ...{ builderId: builder, keyIds: [keyid], reproduce: 1, invocationId: `run ${id}` },
      ...{ builtAt: admittedAt, requesterIdp: 'https://idp.example', reason: 'VAT' },
      ...{ envelopeDigest: sha(`envelope ${id}`), policyDigest: policy.digest },
      ...{ hook: file.deliver.hook, bundle: Buffer.from('bundle') },
    }),
  );
  await database.close();
  for (const [index, person] of approvedBy.entries()) {
    // The columns that replay reads are real; what a passkey signed is verified by others and not read here.
    await gate.asOwner(
      `insert into passkey (credential_id, person, label, public_key_pem, cose_public_key, rp_id, origin, sign_count, enrolment_digest)
       values ($1, $1, 'key', 'x', 'x', 'gate.example', 'https://gate.example', 0, 'x') on conflict do nothing`,
      [person],
    );
    await gate.asOwner(
      `insert into approval (id, promotion_id, person, decision, promotion_digest, created_at, credential_id, nonce, statement, signature)
       values ($1, $2, $3, 'approve', $4, $5, $3, $1, 'x', 'x')`,
      [
        formatId('apr', randomBytes(10)),
        id,
        person,
        made.promotionDigest,
        new Date(admittedAt.getTime() + index),
      ],
    );
  }
  const changedAt = state === 'expired' ? made.expiresAt : after10m;
  // The legal ways of a state are the store's tests; here it is what has been.
  await gate.asOwner('alter table promotion disable trigger user');
  await gate.asOwner('update promotion set state = $2, state_changed_at = $3 where id = $1', [
    ...[id, state, changedAt],
  ]);
  await gate.asOwner('alter table promotion enable trigger user');
  return id;
}

async function run(
  target: object,
  ...more: string[]
): Promise<{ code: number; out: string; err: string }> {
  const candidate = join(at, 'new.yaml');
  writeFileSync(candidate, JSON.stringify(target));
  const args = [
    ...['--conditions=source', '--import', join(root, 'scripts/tsx-hooks.mjs')],
    ...['--disable-warning=ExperimentalWarning', join(root, 'packages/cli/src/main.ts')],
    ...['policy', 'replay', candidate, '-C', join(at, 'gate')],
    ...['--database', join(at, 'database.yaml'), ...more],
  ];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

async function replayed(target: object): Promise<ReplayReport> {
  const directory = join(at, 'gate');
  const { files } = await readConfiguration(directory);
  const { targets, roster, trust } = parseConfiguration(directory, files);
  const past = await readPastPromotions(poolConfig(gate.settings('gate_audit')), {
    ...{ target: 'prod-eu', since: new Date(0), now: new Date() },
  });
  const policy = TargetPolicy.parse(target);
  const inForce = targets.get('prod-eu') ?? null;
  return replay(past, { policy, roster: roster.roster, trust, inForce });
}
const rowOf = ({ rows }: ReplayReport, id: string): ReplayRow | undefined =>
  rows.find(({ promotion }) => promotion === id);
const approvals = (changes: object): object => ({
  ...file,
  approvals: { ...file.approvals, ...changes },
});

describe('airlock policy replay', () => {
  test('the file in force changes nothing', async () => {
    const report = await replayed(file);
    assert.equal(report.same, 3);
    assert.deepEqual(rowOf(report, ids.delivered)?.happened.approvedBy, ['mira', 'oke']);
  });

  test('a rule whose condition holds names who was missing, and is stricter', async () => {
    const rules = [
      { role: 'release-manager', count: 2 },
      { role: 'security', count: 1, when: 'delta.paths matches "^infra/"' },
    ];
    const report = await replayed(approvals({ rules }));
    const row = rowOf(report, ids.delivered);
    assert.equal(row?.kind, 'stricter');
    assert.deepEqual(row.replayed.missing, ['sam']);
    assert.match(JSON.stringify(row.changes), /would not have started: 2 of 3 approvals/);
    assert.equal(report.looser, 0);
  });

  test('fewer approvals and a longer wait are looser', async () => {
    const rules = [{ role: 'release-manager', count: 1 }];
    const fewer = await replayed(approvals({ rules }));
    assert.equal(rowOf(fewer, ids.delivered)?.kind, 'looser');
    assert.match(JSON.stringify(rowOf(fewer, ids.expired)?.changes), /it would have started/);
    const longer = await replayed(approvals({ expires: '2d' }));
    assert.equal(rowOf(longer, ids.delivered)?.kind, 'same');
    assert.match(JSON.stringify(rowOf(longer, ids.expired)?.changes), /it would have waited until/);
  });

  test('windows, age and builders are judged as of the start of the delivery', async () => {
    const day = after10m.toISOString().slice(0, 10);
    const denied = [{ name: 'audit', start: day, end: day }];
    const [admits] = file.admits;
    const builders = { ...admits?.builders, threshold: 2, of: ['https://audit.example/b@v1'] };
    const report = await replayed({
      ...file,
      windows: { deny: denied },
      admits: [{ ...admits, builders, maxAge: '5m' }],
    });
    const row = rowOf(report, ids.delivered);
    assert.deepEqual(row?.replayed.reasons.map(({ code }) => code).sort(), [
      ...['builders-missing', 'too-old', 'window-closed'],
    ]);
    assert.equal(row.kind, 'stricter');
  });

  test('whoever rejected must still be able to', async () => {
    const report = await replayed(approvals({ rules: [{ role: 'security', count: 2 }] }));
    assert.match(JSON.stringify(rowOf(report, ids.rejected)?.changes), /oke rejected it and would/);
  });

  test('people read what happened beside what would have; a looser file ends in 1, a faulty one in 2', async () => {
    const { out, code } = await run(file, '--since', '2d');
    assert.equal(code, 0);
    assert.match(out, /happened: delivered, live; asked 2 release-manager; approved by mira, oke/);
    assert.match(out, /prod-eu: 3 promotions; 3 the same, 0 stricter, 0 looser/);
    for (const [target, message] of [
      [{ ...file, version: 2 }, /new\.yaml: version/],
      [{ ...file, concurrency: { limit: 2, queue: 'all' } }, /new\.yaml: concurrency\.limit/],
    ] as const) {
      const ended = await run(target);
      assert.equal(ended.code, 2, ended.err);
      assert.match(ended.err, message);
    }
    const rules = [{ role: 'release-manager', count: 1 }];
    const looser = await run(approvals({ rules }), '--json');
    assert.equal(looser.code, 1, looser.err);
    assert.match(looser.out, /^\{\n {2}"promotions": 3,\n {2}"same": 0,/);
  });

  test('a stored document that cannot be read ends in 5 and names its promotion', async () => {
    const edit = (document: string): Promise<unknown> =>
      gate.asOwner(`alter table promotion disable trigger user;
        update promotion set document = ${document} where id = '${ids.delivered}';
        alter table promotion enable trigger user`);
    await edit("'{'::bytea || document");
    try {
      const { code, err } = await run(file);
      assert.equal(code, 5, err);
      assert.match(err, new RegExp(`the document of promotion ${ids.delivered} cannot be read`));
    } finally {
      await edit('substring(document from 2)');
    }
  });

  test('gate_audit reads no signature, note or bundle', async () => {
    const database = openDatabase(gate.settings('gate_audit'));
    for (const sql of [
      'select signature from approval',
      'select note from approval',
      'select bundle from promotion',
      "update promotion set state = 'live'",
    ]) {
      await assert.rejects(database.pool.query(sql), /permission denied/, sql);
    }
    await database.close();
  });
});
