/**
 * A genuine promotion under attack by somebody with the gate's own database: only approvals that two people's enrolled
 * passkeys signed bring it to production. The tests go through one promotion's life, in this order.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { sha256 } from '@airlock/cli/drills/forgery';
import { decideWithPasskey, enrolPasskey } from '@airlock/cli/decisions';
import { createSoftwarePasskey } from '@airlock/cli/software-passkey';
import { approvalChallenge, approvalStatement } from '@airlock/common/approval/statement';
import { formatId } from '@airlock/common/ids';
import { formatTimestamp } from '@airlock/common/time';
import { approveAs, lookAtProduction, until, waitForEnd } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';
import { assertWaits, detailsOf, discard, waitingPromotion } from '../support/promotion.ts';

/** The deliverer looks every second; what is not delivered in three is not delivered. */
const patience = 3;

let pair: Pair;
let promotion: string;

describe('a genuine promotion', () => {
  before(async () => {
    pair = await runningPair();
    promotion = await waitingPromotion(pair);
  });

  test('a genuine promotion without approvals waits and says so: E_APPROVALS_MISSING', async () => {
    await withoutDelivery(pair, () => Promise.resolve(), patience);
    await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 0 });
  });

  test('the developer who asked for it enrols no passkey and begins no approval', async () => {
    const dana = await pair.signIn('gate', 'dana');
    const mayNot = { message: /answered 403: .*release.manager/is };
    await assert.rejects(dana.postJson('/api/v1/me/passkeys/options', {}), mayNot);
    await assert.rejects(
      dana.postJson(`/api/v1/promotions/${promotion}/decisions/options`, {}),
      mayNot,
    );
  });

  test('one approval of two delivers nothing', async () => {
    await withoutDelivery(pair, () => approveAs(pair, 'leo', promotion), patience);
    await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 1 });
  });

  test('the same person approving twice is refused', async () => {
    await assert.rejects(approveAs(pair, 'leo', promotion), {
      message: /answered 409: .*You decided/s,
    });
  });

  test('a copy of Leo’s approval under Mira’s name does not count', async () => {
    const copies = await withoutDelivery(
      pair,
      () =>
        pair.query<{ id: string }>(
          'gate',
          `insert into approval (id, promotion_id, person, decision, note, promotion_digest, statement, credential_id,
           authenticator_data, client_data_json, signature, sign_count_before, nonce)
         select $2, promotion_id, 'mira', decision, note, promotion_digest, statement, credential_id,
           authenticator_data, client_data_json, signature, sign_count_before, 'another nonce'
         from approval where promotion_id = $1 returning id`,
          [promotion, formatId('apr', randomBytes(10))],
        ),
      patience,
    );
    assert.equal(copies.length, 1);
    await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 1 });
    await pair.query('gate', 'delete from approval where id = $1', [copies[0]?.id]);
  });

  test('a passkey that stands in a row and not in the signed ledger approves nothing', async () => {
    const { promotionDigest } = await detailsOf(pair, promotion);
    const forged = await forgePasskey('mira');
    await withoutDelivery(
      pair,
      () => insertApproval({ ...forged, person: 'mira', approver: 'mira', promotionDigest }),
      patience,
    );
    await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 1 });
    await forget(forged.credentialId);
  });

  test('a changed public key under the credential of Leo’s enrolled passkey makes his approval void', async () => {
    const forged = createSoftwarePasskey({ rpId: 'gate.localhost', origin: pair.gateOrigin });
    const [kept] = await pair.query<{ public_key_pem: string }>(
      'gate',
      `select public_key_pem from passkey where person = 'leo'`,
    );
    const setKey = (pem: string | undefined): Promise<unknown> =>
      pair.query('gate', `update passkey set public_key_pem = $1 where person = 'leo'`, [pem]);
    await withoutDelivery(pair, () => setKey(publicKeyOf(forged)), patience);
    await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 0 });
    await setKey(kept?.public_key_pem);
    await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 1 });
  });

  test('a target file edited after an approval makes it void', async () => {
    const becomes = (expected: number): Promise<true> =>
      until(`${expected} approvals that count`, 15, async () =>
        (await detailsOf(pair, promotion)).approvals.have === expected ? true : null,
      );
    // With one approval in hand, a policy that asks for one is just what an attacker would write.
    await withTargetFile(
      (text) => text.replace('count: 2', 'count: 1'),
      async () => {
        await withoutDelivery(pair, () => becomes(0), patience);
        await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 0 });
      },
    );
    // The facts that Leo signed are so again.
    await becomes(1);
  });

  test('a document edited after an approval is not delivered, whoever approves it then', async () => {
    const [row] = await pair.query<{ document: Buffer; artifact_digest: string }>(
      'gate',
      'select document, artifact_digest from promotion where id = $1',
      [promotion],
    );
    assert.ok(row);
    const edited = row.document
      .toString('utf8')
      .replaceAll(row.artifact_digest, sha256(Buffer.from('something else')));
    const setDocument = (document: Buffer): Promise<unknown> =>
      pair.query('gate', 'update promotion set document = $2 where id = $1', [promotion, document]);
    await withoutDelivery(
      pair,
      async () => {
        await setDocument(Buffer.from(edited));
        await approveAs(pair, 'mira', promotion);
      },
      patience,
    );
    assert.equal((await detailsOf(pair, promotion)).state, 'waiting');
    await assertWaits(pair, promotion, { code: 'E_DOCUMENT_DIFFERS', have: 2 });
    await pair.query('gate', `delete from approval where promotion_id = $1 and person = 'mira'`, [
      promotion,
    ]);
    await setDocument(row.document);
  });

  test('an artifact digest edited in the row is not delivered', async () => {
    const original = await withoutDelivery(
      pair,
      async () => {
        const [row] = await pair.query<{ artifact_digest: string }>(
          'gate',
          'select artifact_digest from promotion where id = $1',
          [promotion],
        );
        await pair.query('gate', 'update promotion set artifact_digest = $2 where id = $1', [
          promotion,
          sha256(Buffer.from('something else')),
        ]);
        return row?.artifact_digest;
      },
      patience,
    );
    const { state, verdict } = await detailsOf(pair, promotion);
    assert.equal(state, 'waiting');
    assert.notDeepEqual(
      verdict.codes,
      ['E_APPROVALS_MISSING'],
      'the page says that something differs',
    );
    await pair.query('gate', 'update promotion set artifact_digest = $2 where id = $1', [
      promotion,
      original,
    ]);
    await until('the document of the true digest', 10, async () =>
      (await detailsOf(pair, promotion)).verdict.codes.join() === 'E_APPROVALS_MISSING'
        ? true
        : null,
    );
  });

  test('after all that, the approvals of two release managers deliver it, once', async () => {
    const before = await lookAtProduction(pair);
    const { approvals } = await detailsOf(pair, promotion);
    if (approvals.have === 0) await approveAs(pair, 'leo', promotion);
    await approveAs(pair, 'mira', promotion);
    const { state, release } = await waitForEnd(pair, promotion);
    assert.equal(state, 'live');
    const after = await lookAtProduction(pair);
    assert.deepEqual(
      after.releases.filter((name) => !before.releases.includes(name)),
      [release],
    );
    assert.deepEqual(after.ephemeralRoles, []);
  });

  test('a release manager who asked for it does not approve it: somebody else decides', async () => {
    const own = await waitingPromotion(pair, 'leo');
    const leo = await pair.signIn('gate', 'leo');
    const passkeyFile = await enrolPasskey(leo, pair.layout.passkeys);
    await withoutDelivery(pair, () =>
      assert.rejects(decideWithPasskey(leo, { promotionId: own, passkeyFile, note: '' }), {
        message: /answered 403: .*somebody else decides/s,
      }),
    );
    await assertWaits(pair, own, { code: 'E_APPROVALS_MISSING', have: 0 });
    await discard(pair, own);
  });

  test('a release manager who wrote one of its commits does not approve it; another one does', async () => {
    const own = await waitingPromotion(pair, 'dana', 'mira');
    await withoutDelivery(pair, () =>
      assert.rejects(approveAs(pair, 'mira', own), {
        message: /answered 403: .*somebody else decides/s,
      }),
    );
    await assertWaits(pair, own, { code: 'E_APPROVALS_MISSING', have: 0 });

    // There is only one other: with a policy that asks for one approval it goes live, and Mira's commit is behind main.
    const { promotionDigest } = await detailsOf(pair, own);
    await withTargetFile(
      (text) => text.replace('count: 2', 'count: 1'),
      async () => {
        await until('the document under the new policy', 15, async () =>
          (await detailsOf(pair, own)).promotionDigest === promotionDigest ? null : true,
        );
        await approveAs(pair, 'leo', own);
        assert.equal((await waitForEnd(pair, own)).state, 'live');
      },
    );
  });
});

/** Runs `work` while the target file reads otherwise. */
async function withTargetFile(
  edit: (text: string) => string,
  work: () => Promise<void>,
): Promise<void> {
  const path = `targets/${target}.yaml`;
  const original = readFileSync(join(pair.layout.gateConfig, path), 'utf8');
  const edited = edit(original);
  assert.notEqual(edited, original);
  const become = (text: string) =>
    pair.editConfiguration((directory) => {
      writeFileSync(join(directory, path), text);
    });
  await become(edited);
  try {
    await work();
  } finally {
    await become(original);
  }
}

interface ForgedPasskey {
  readonly passkey: ReturnType<typeof createSoftwarePasskey>;
  readonly credentialId: string;
}

const publicKeyOf = (passkey: ForgedPasskey['passkey']): string => {
  // What `serialize` gives.
  const { privateKeyPem } = JSON.parse(passkey.serialize()) as { privateKeyPem: string };
  return createPublicKey(createPrivateKey(privateKeyPem))
    .export({ type: 'spki', format: 'pem' })
    .toString();
};

/** A row for a passkey of the attacker's own, in every column as an enrolment would have written it. */
async function forgePasskey(person: string): Promise<ForgedPasskey> {
  const rpId = new URL(pair.gateOrigin).hostname;
  const passkey = createSoftwarePasskey({ rpId, origin: pair.gateOrigin });
  const { credentialId } = passkey;
  const publicKeyPem = publicKeyOf(passkey);
  const record = { v: 1, person, credentialId, publicKeyPem, rpId, origin: pair.gateOrigin };
  await pair.query(
    'gate',
    `insert into passkey (credential_id, person, label, public_key_pem, cose_public_key, rp_id, origin, sign_count, enrolment_digest)
     values ($1, $2, 'mine', $3, '', $4, $5, 0, $6)`,
    [
      credentialId,
      person,
      publicKeyPem,
      rpId,
      pair.gateOrigin,
      sha256(Buffer.from(JSON.stringify(record))),
    ],
  );
  return { passkey, credentialId };
}

/** Signs a statement with a forged passkey and writes it as an approval row of the promotion. */
async function insertApproval(
  given: ForgedPasskey & {
    readonly person: string;
    readonly approver: string;
    readonly promotionDigest: string;
  },
): Promise<void> {
  const nonce = randomBytes(32).toString('base64url');
  const statement = approvalStatement({
    decision: 'approve',
    promotionDigest: given.promotionDigest,
    target,
    approver: given.approver,
    nonce,
    notAfter: formatTimestamp(new Date(Date.now() + 3_600_000)),
  });
  const { response } = given.passkey.assert(approvalChallenge(statement).toString('base64url'));
  await pair.query(
    'gate',
    `insert into approval (id, promotion_id, person, decision, promotion_digest, statement, credential_id,
       authenticator_data, client_data_json, signature, sign_count_before, nonce)
     select $1, id, $3, 'approve', promotion_digest, $4, $5, $6, $7, $8, 0, $9 from promotion where id = $2`,
    [
      formatId('apr', randomBytes(10)),
      promotion,
      given.person,
      statement,
      given.credentialId,
      response.authenticatorData,
      response.clientDataJSON,
      response.signature,
      nonce,
    ],
  );
}

async function forget(credentialId: string): Promise<void> {
  await pair.query('gate', 'delete from approval where credential_id = $1', [credentialId]);
  await pair.query('gate', 'delete from passkey where credential_id = $1', [credentialId]);
}
