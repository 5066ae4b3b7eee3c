import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { approvedBy, have } from './ceremonies.fixture.ts';
import {
  clock,
  databases,
  gate,
  json,
  promotionId,
  refused,
  setClock,
  signedIn,
  useGateWeb,
} from './gate-web.fixture.ts';

useGateWeb();

const remarks = (): string => `/api/v1/promotions/${promotionId}/remarks`;

const fill = (count: number, person: string): Promise<unknown> =>
  gate.asOwner(
    `insert into promotion_remark (promotion_id, person, text, at) select '${promotionId}', '${person}', 'x', '${clock.toISOString()}' from generate_series(1, ${count})`,
  );

describe('asking', () => {
  test('takes no role, and is read in order with name and time', async () => {
    const devi = await signedIn('devi');
    const question = { text: ' which index?\r\nand why ' };
    const asked = await devi.submit(`/promotions/${promotionId}/remarks`, question);
    assert.equal(asked.status, 303, asked.body);
    const dana = await signedIn('dana');
    const answered = await dana.post(remarks(), { text: 'orders(<b>vat</b>)' });
    assert.equal(answered.status, 201, answered.body);
    const said = (json(await devi.get(remarks()))['remarks'] as Record<string, unknown>[]).map(
      ({ name, person, text, at }) => ({ name, person, text, at }),
    );
    const at = clock.toISOString();
    assert.deepEqual(said, [
      { name: 'Devi', person: 'devi', text: 'which index?\nand why', at },
      { name: 'Dana', person: 'dana', text: 'orders(<b>vat</b>)', at },
    ]);
    const page = await devi.get(`/promotions/${promotionId}`);
    assert.match(page.body, /Devi[\s\S]*which index\?[\s\S]*Dana[\s\S]*orders\(&lt;b>vat/);
  });

  test('is told, changes neither the promotion nor an approval, and stands in no ledger', async () => {
    const { visitor: leo } = await approvedBy('leo');
    const state = 'select version, state, promotion_digest from promotion';
    const counted = 'select (select count(*) from ledger_pending) as pending';
    const [before, pending] = [await gate.asOwner(state), await gate.asOwner(counted)];
    assert.equal((await leo.post(remarks(), { text: 'why now?' })).status, 201);
    assert.deepEqual(await gate.asOwner(state), before);
    assert.deepEqual(await gate.asOwner(counted), pending);
    assert.equal(await have(), 1);
    const told = await gate.asOwner(
      `select title, lines, actor, thread from notification where type = 'promotion.asked' and thread = '${promotionId}'`,
    );
    assert.equal(told.length, 1);
    assert.match(String(told[0]?.['title']), /^Leo wrote on /);
    assert.deepEqual(told[0]?.['lines'], ['why now?']);
    assert.equal(told[0]['actor'], 'leo');
  });

  test('is possible while it is delivered and over once it has ended', async () => {
    const mira = await signedIn('mira');
    await gate.asOwner("update promotion set state = 'delivering'");
    assert.equal((await mira.post(remarks(), { text: 'does it load?' })).status, 201);
    await gate.asOwner("update promotion set state = 'failed'");
    refused(await mira.post(remarks(), { text: 'why?' }), 409, 'E_NOT_WAITING', /has ended/);
  });

  test('takes 1 to 1000 characters, and nothing that moves a cursor', async () => {
    const mira = await signedIn('mira');
    for (const text of ['', ' \n ', 'x'.repeat(1001), 'a\u001b[2J']) {
      assert.equal((await mira.post(remarks(), { text })).status, 400, JSON.stringify(text));
    }
    assert.equal((await mira.post(remarks(), { text: '\u{1f600}'.repeat(500) })).status, 201);
  });

  test('ends at 200 on a promotion', async () => {
    const mira = await signedIn('mira');
    await fill(199, 'leo');
    assert.equal((await mira.post(remarks(), { text: 'the last' })).status, 201);
    refused(await mira.post(remarks(), { text: 'one more' }), 409, 'remarks-full', /200/);
  });

  test('ends at 20 of one person within an hour, and goes on after it', async () => {
    const [mira, leo] = [await signedIn('mira'), await signedIn('leo')];
    await fill(19, 'mira');
    assert.equal((await mira.post(remarks(), { text: 'the last' })).status, 201);
    const more = { text: 'one more' };
    refused(await mira.post(remarks(), more), 429, 'remarks-too-many', /within the hour/);
    assert.equal((await leo.post(remarks(), more)).status, 201);
    setClock(new Date(clock.getTime() + 3_600_000));
    assert.equal((await mira.post(remarks(), more)).status, 201);
  });

  test('is nothing for who is in no row of the roster', async () => {
    const stranger = await signedIn('eve');
    assert.equal((await stranger.post(remarks(), { text: 'hello' })).status, 403);
    const kept = await gate.asOwner('select count(*)::int as count from promotion_remark');
    assert.deepEqual(kept, [{ count: 0 }]);
  });

  test('is a row that not even web may change or delete, and that web alone writes', async () => {
    await fill(1, 'leo');
    for (const sql of ['delete from promotion_remark', "update promotion_remark set text = 'y'"]) {
      await assert.rejects(databases.web.pool.query(sql), { code: '42501' });
      await assert.rejects(gate.asOwner(sql), /as they said/);
    }
    const insert = `insert into promotion_remark (promotion_id, person, text, at) values ('${promotionId}', 'leo', 'x', now())`;
    for (const process of ['intake', 'authority', 'deliverer', 'watchdog'] as const) {
      await assert.rejects(databases[process].pool.query(insert), { code: '42501' }, process);
    }
  });
});
