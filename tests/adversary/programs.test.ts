/**
 * A program has a release manager's own token, of every scope that nonprod gives. Leo has approved and everything is frozen: by
 * the token nobody approves, takes back, starts, returns, stops or starts again, whatever it is sent as.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readStops, requestStop } from '@airlock/cli/stop-requests';
import { createBrowser } from '@airlock/testkit/browser';
import type { Pair } from '@airlock/demo/pair';
import { approveAs } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import { z } from 'zod';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';
import { assertWaits, discard, waitingPromotion } from '../support/promotion.ts';
import { startAgain } from '../support/stops.ts';

const scopes = ['read', 'run', 'promote', 'secrets', 'admin'];
/** The deliverer looks every second; what is not delivered in three is not delivered. */
const patience = 3;

let pair: Pair;
let token: string;
let promotion: string;
let stop: string;

/** Everything by which somebody decides at the gate, or comes nearer to it. */
const waysOf = (promotionId: string, stopId: string): readonly string[] => [
  ...['decisions/options', 'decisions', 'decisions/ssh', 'withdrawal', 'deliver', 'remarks'].map(
    (way) => `/api/v1/promotions/${promotionId}/${way}`,
  ),
  ...['ssh', 'ssh/approve', 'reject', 'withdraw', 'deliver', 'remarks'].map(
    (way) => `/promotions/${promotionId}/${way}`,
  ),
  ...['break-glass', 'override'].flatMap((waiver) => [
    `/promotions/${promotionId}/${waiver}`,
    `/promotions/${promotionId}/${waiver}/withdraw`,
    `/api/v1/promotions/${promotionId}/${waiver}`,
    `/api/v1/promotions/${promotionId}/${waiver}/withdrawal`,
  ]),
  ...['lift/options', 'lift', 'lift/ssh'].map((way) => `/api/v1/stops/${stopId}/${way}`),
  ...['/controls', '/controls/quarantine', '/api/v1/stops'],
  ...[`/targets/${target}/return`, `/api/v1/targets/${target}/return`],
  ...['/api/v1/reviews/dlv_0000000000/options', '/api/v1/reviews/dlv_0000000000'],
  ...['/api/v1/me/passkeys/options', '/api/v1/me/passkeys'],
  ...['/api/v1/me/security-keys/options', '/api/v1/me/security-keys', '/me/security-keys'],
  ...['/passkeys/withdrawal', '/api/v1/passkeys/withdrawal'],
];

/** The ways in which programs send a token. */
const sentAs: readonly (() => Readonly<Record<string, string>>)[] = [
  () => ({ authorization: `Bearer ${token}` }),
  () => ({ authorization: `Basic ${Buffer.from(`leo:${token}`).toString('base64')}` }),
  () => ({ 'x-api-key': token, 'private-token': token }),
  () => ({ cookie: `__Host-session=${token}; session=${token}` }),
];

const knock = (path: string, headers: Readonly<Record<string, string>>) =>
  createBrowser().send(pair.gateOrigin + path, {
    method: 'POST',
    from: pair.gateOrigin,
    headers: { accept: 'application/json', ...headers },
    json: {},
  });

describe('a token of every scope', () => {
  before(async () => {
    pair = await runningPair();
    const leo = await pair.signIn('nonprod', 'leo');
    const wish = { name: 'a program', scopes, days: 1, networks: [] };
    const made = await leo.postJson('/api/v1/tokens', wish);
    token = z.looseObject({ token: z.string() }).parse(made).token;
    promotion = await waitingPromotion(pair);
    await approveAs(pair, 'leo', promotion);
    const mira = await pair.signIn('gate', 'mira');
    const reason = 'while a program has a token';
    stop = (await requestStop(mira, { kind: 'freeze', targets: [target], reason })).id;
  });
  after(async () => {
    await startAgain(pair, stop);
    await discard(pair, promotion);
  });

  test('is one: nonprod answers it, and makes and ends no token for it', async () => {
    const api = `${pair.nonprodOrigin}/api/v1`;
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
    assert.equal((await createBrowser().send(`${api}/runs`, { headers })).status, 200);
    for (const path of ['/tokens', '/tokens/tok_0000000000/revoke']) {
      const json = { name: 'another', scopes, days: 1, networks: [] };
      const { status, body } = await createBrowser().send(api + path, { headers, json });
      assert.equal(status, 403, body);
      assert.match(body, /"code":"scope-missing"/);
    }
  });

  test('is nobody on every way to decide at the gate, each of which there is', async () => {
    await withoutDelivery(
      pair,
      async () => {
        for (const path of waysOf(promotion, stop)) {
          for (const headers of sentAs) {
            const { status, body } = await knock(path, headers());
            assert.equal(status, 401, `${path}: ${body}`);
          }
        }
      },
      patience,
    );
    await assertWaits(pair, promotion, { code: 'E_STOPPED', have: 1 });
    const mira = await pair.signIn('gate', 'mira');
    const placed = (await readStops(mira)).stops.find(({ id }) => id === stop);
    assert.deepEqual(placed?.signedBy, []);
    // Asked by a person who may not, each of them answers otherwise than what there is not.
    const dana = await pair.signIn('gate', 'dana');
    for (const path of waysOf(promotion, stop)) {
      await assert.rejects(
        dana.postJson(path, {}),
        (error) => error instanceof Error && !/answered (401|404|405)/.test(error.message),
        path,
      );
    }
  });

  test('reads nothing at the gate', async () => {
    for (const path of [`/api/v1/promotions/${promotion}`, '/api/v1/queue', '/api/v1/stops']) {
      const { status } = await createBrowser().send(pair.gateOrigin + path, {
        headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      });
      assert.equal(status, 401, path);
    }
  });
});
