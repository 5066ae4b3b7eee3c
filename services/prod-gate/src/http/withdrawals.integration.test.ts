import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { approve, approvedBy, have } from './ceremonies.fixture.ts';
import {
  gate,
  databases,
  promotionId,
  useGateWeb,
  sequence,
  signedIn,
  json,
  refused,
} from './gate-web.fixture.ts';

useGateWeb();

describe('withdrawing', () => {
  const withdrawal = () => `/api/v1/promotions/${promotionId}/withdrawal`;

  test('takes a session and no passkey, stands in the ledger, and leaves one approval fewer', async () => {
    const { visitor: leo } = await approvedBy('leo');
    await approvedBy('mira');
    assert.equal(await have(), 2);
    const answer = await leo.submit(`/promotions/${promotionId}/withdraw`, { reason: 'too late' });
    assert.equal(answer.status, 303, answer.body);
    assert.equal(await have(), 1);
    await sequence();
    const [row] = await gate.asOwner(
      "select convert_from(body, 'UTF8')::jsonb as body from ledger_entry where type = 'approval.withdrawn' order by idx desc limit 1",
    );
    const [kept] = await gate.asOwner(
      "select id, encode(sha256(statement), 'hex') as statement from approval where person = 'leo'",
    );
    const told = await gate.asOwner(
      "select title, lines, actor from notification where type = 'promotion.withdrawn'",
    );
    assert.equal(told.length, 1);
    assert.match(String(told[0]?.['title']), /^Leo withdrew the approval of /);
    assert.deepEqual(told[0]?.['lines'], ['too late']);
    assert.equal(told[0]['actor'], 'leo');
    const { actor, refs } = row?.['body'] as { actor: string; refs: Record<string, string> };
    assert.equal(actor, 'person:leo');
    assert.deepEqual(refs, {
      promotion: promotionId,
      approval: kept?.['id'],
      statement: kept?.['statement'],
    });
  });

  test('shows what was approved struck out, with the reason', async () => {
    const { visitor } = await approvedBy('leo');
    await visitor.submit(`/promotions/${promotionId}/withdraw`, { reason: 'the <b>index</b>' });
    const page = await visitor.get(`/promotions/${promotionId}`);
    assert.match(
      page.body,
      /<s>approved [^<]*<\/s> \(withdrawn [^<]*: “the &lt;b>index&lt;\/b>”\)/,
    );
  });

  test('can be followed by another approval of the same person, which counts', async () => {
    const { visitor, passkey } = await approvedBy('leo');
    assert.equal((await visitor.post(withdrawal(), { reason: '' })).status, 201);
    assert.equal(await have(), 0);
    assert.equal((await approve(visitor, passkey)).status, 201);
    assert.equal(await have(), 1);
  });

  test("takes back nobody else's approval, and none twice", async () => {
    const { visitor: leo } = await approvedBy('leo');
    const nothing = /No approval of yours/;
    const mira = await signedIn('mira');
    refused(await mira.post(withdrawal(), { reason: '' }), 409, 'nothing-to-withdraw', nothing);
    assert.equal((await leo.post(withdrawal(), { reason: '' })).status, 201);
    refused(await leo.post(withdrawal(), { reason: '' }), 409, 'nothing-to-withdraw', nothing);
  });

  test('is over once the delivery has begun', async () => {
    const { visitor: leo } = await approvedBy('leo');
    await gate.asOwner("update promotion set state = 'delivering'");
    refused(
      await leo.post(withdrawal(), { reason: '' }),
      409,
      'E_NOT_WAITING',
      /until the delivery/,
    );
  });

  test('holds by the ledger when the row is deleted', async () => {
    const { visitor: leo } = await approvedBy('leo');
    await leo.post(withdrawal(), { reason: '' });
    await sequence();
    await gate.asOwner('truncate approval_withdrawal');
    assert.equal(await have(), 0);
  });

  test('is a row that not even web may change or delete', async () => {
    const { visitor: leo } = await approvedBy('leo');
    await leo.post(withdrawal(), { reason: '' });
    for (const sql of [
      'delete from approval_withdrawal',
      "update approval_withdrawal set approval_id = 'apr_0'",
    ]) {
      await assert.rejects(databases.web.pool.query(sql), { code: '42501' });
      await assert.rejects(gate.asOwner(sql), /given anew/);
    }
  });
});

describe('rejecting', () => {
  test('takes a reason and no passkey, and ends the promotion', async () => {
    const mira = await signedIn('mira');
    const reject = { reason: 'the migration locks orders', version: '1' };
    const answer = await mira.submit(`/promotions/${promotionId}/reject`, reject);
    assert.equal(answer.status, 303, answer.body);
    const view = json(await mira.get(`/api/v1/promotions/${promotionId}`));
    assert.equal(view['state'], 'rejected');
    assert.match((view['verdict'] as { text: string }).text, /the migration locks orders/);
  });

  test('is open to an author, who may always say no', async () => {
    const rita = await signedIn('rita');
    const reject = { reason: 'not ready', version: '1' };
    assert.equal((await rita.submit(`/promotions/${promotionId}/reject`, reject)).status, 303);
  });

  test('is refused without a reason, without the role, and from a stale page', async () => {
    const path = `/promotions/${promotionId}/reject`;
    const status = async (who: string, form: Record<string, string>): Promise<number> =>
      (await (await signedIn(who)).submit(path, form)).status;
    assert.equal(await status('mira', { reason: ' ', version: '1' }), 400);
    assert.equal(await status('devi', { reason: 'no', version: '1' }), 403);
    assert.equal(await status('mira', { reason: 'no', version: '0' }), 412);
    const view = json(await (await signedIn('mira')).get(`/api/v1/promotions/${promotionId}`));
    assert.equal(view['state'], 'waiting');
  });
});
