import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { sha } from '../app/vectors.fixture.ts';
import { attest } from './delivered.fixture.ts';
import { good, now, target, files } from './gate-web-world.fixture.ts';
import {
  gate,
  databases,
  promotionId,
  setClock,
  useGateWeb,
  sequence,
  signedIn,
  json,
} from './gate-web.fixture.ts';

useGateWeb();

test('a row that lies gets no summary that passed, and is told to nobody but the ledger', async () => {
  await gate.asOwner(`update promotion set artifact_digest = $1 where id = $2`, [
    'd'.repeat(64),
    promotionId,
  ]);
  await sequence();
  const events = await attest();
  assert.deepEqual(
    events.flatMap((event) => (event.name === 'issued' ? [event.attestation.result] : [])),
    ['FAILED'],
  );
  assert.deepEqual(await attest(), [], 'and is not said twice');
  const visitor = await signedIn('mira');
  assert.equal((await visitor.get(`/promotions/${promotionId}/vsa`)).status, 404);
  const [told] = await gate.asOwner(
    `select convert_from(body, 'UTF8') as body from ledger_entry where type = 'attestation.issued' order by idx desc limit 1`,
  );
  assert.match(String(told?.['body']), /"result":"FAILED","code":"E_ARTIFACT_DIGEST"/);
});

test('a target file that changes while it is judged is not summed up as the one that was', async () => {
  await sequence();
  const judged = files.targets.get(target);
  assert.ok(judged);
  const changed = new Map([[target, { ...judged, digest: 'e'.repeat(64) }]]);
  assert.deepEqual(await attest({ ...files, targets: changed }), []);
  const issued = (await attest()).flatMap((event) =>
    event.name === 'issued' ? [event.attestation.result] : [],
  );
  assert.deepEqual(issued, ['PASSED']);
});

test('a refused item gets a summary that failed, once', async () => {
  await attest();
  await gate.asOwner(
    `insert into intake_item (source, seq, item_hash, request_id, claimed_target, bundle_digest, artifact_digest, outcome, code)
     values ('nonprod', $1, 'x', 'prq_0000000000', 'prod-eu', $2, $2, 'refused', 'E_SIG_INVALID')`,
    [randomInt(2 ** 40), 'b'.repeat(64)],
  );
  const issued = (await attest()).flatMap((event) =>
    event.name === 'issued' ? [event.attestation.result] : [],
  );
  assert.deepEqual(issued, ['FAILED']);
  assert.deepEqual(await attest(), []);
});

test('what the gate signed of an admission is served as it stands and to sigstore', async () => {
  await sequence();
  // Another moment than in other tests, or it would be the same summary of the same bundle.
  setClock(new Date(now.getTime() + 30_000));
  await attest();
  const visitor = await signedIn('mira');
  const path = `/promotions/${promotionId}`;
  const envelope = json(await visitor.get(`${path}/vsa`));
  const exported = json(await visitor.get(`${path}/vsa/bundle.sigstore.json`));
  assert.deepEqual(exported['dsseEnvelope'], { ...envelope, payload: envelope['payload'] });
  assert.equal((await visitor.get(`${path}/provenance/bundle.sigstore.json`)).status, 200);
  const bundle = await visitor.bytes(`${path}/bundle.intoto.jsonl`);
  assert.equal(sha(bundle), sha(Buffer.from(good.bundle, 'base64')));
  assert.equal((await visitor.get('/deliveries/dlv_0123456789/statement')).status, 404);
});

test('no process but the authority writes attestations, and nobody changes one', async () => {
  await sequence();
  await attest();
  for (const database of [databases.web, databases.intake, databases.deliverer]) {
    await assert.rejects(
      database.pool.query(
        `insert into attestation (digest, kind, about, envelope) values ('x', 'delivery', 'x', '')`,
      ),
      /permission denied/,
    );
  }
  await assert.rejects(gate.asOwner(`update attestation set result = 'PASSED'`), /append-only/);
});
