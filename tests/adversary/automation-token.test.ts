/** A program holds a release manager's token with every scope that nonprod gives: it reads and builds there, and decides nothing. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { createBrowser } from '@airlock/testkit/browser';
import type { Pair } from '@airlock/demo/pair';
import { target } from '@airlock/demo/names';
import { z } from 'zod';
import { runningPair } from '../support/pair.ts';
import { assertWaits, discard, waitingPromotion } from '../support/promotion.ts';

const scopes = ['read', 'run', 'promote', 'secrets', 'admin'];

let pair: Pair;
let token: string;

const call = (url: string, json?: object) =>
  createBrowser().send(url, {
    headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
    ...(json && { json }),
  });

describe('a token of every scope', () => {
  before(async () => {
    pair = await runningPair();
    const leo = await pair.signIn('nonprod', 'leo');
    const made = await leo.postJson('/api/v1/tokens', {
      name: 'bot',
      scopes,
      days: 1,
      networks: [],
    });
    token = z.object({ token: z.string() }).parse(made).token;
  });

  test('opens no route of the gate by which somebody decides, nor one that reads', async () => {
    const promotion = await waitingPromotion(pair);
    const one = `/promotions/${promotion}`;
    for (const path of [
      `/api/v1${one}/decisions/options`,
      `/api/v1${one}/decisions`,
      `/api/v1${one}/decisions/ssh`,
      `${one}/ssh/approve`,
      `${one}/reject`,
      `/api/v1${one}/withdrawal`,
      `/api/v1${one}/deliver`,
      `/api/v1${one}/override`,
      `/api/v1${one}/break-glass`,
      `/api/v1/targets/${target}/return`,
      '/api/v1/stops',
      '/api/v1/me/passkeys/options',
      '/api/v1/me/passkeys',
      '/api/v1/me/security-keys',
      '/api/v1/passkeys/withdrawal',
    ]) {
      const { status, body } = await call(pair.gateOrigin + path, {});
      assert.equal(status, 401, `${path}: ${body}`);
    }
    assert.equal((await call(`${pair.gateOrigin}/api/v1${one}`)).status, 401);
    await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 0 });
    await discard(pair, promotion);
  });

  test('is a token: nonprod answers it, and makes no further token for it', async () => {
    const api = `${pair.nonprodOrigin}/api/v1`;
    assert.equal((await call(`${api}/runs`)).status, 200);
    for (const path of ['/tokens', '/tokens/tok_0000000000/revoke']) {
      const { status, body } = await call(api + path, {
        ...{ name: 'another', scopes, days: 1, networks: [] },
      });
      assert.equal(status, 403, body);
      assert.match(body, /"code":"scope-missing"/);
    }
  });
});
