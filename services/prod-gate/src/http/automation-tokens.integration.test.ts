import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createBrowser } from '@airlock/testkit/browser';
import { sessionCookie } from '@airlock/web/session';
import { origin, promotionId, routes, useGateWeb } from './gate-web.fixture.ts';

useGateWeb();

/** As nonprod makes them, of whatever scope. */
const token = `alk_${randomBytes(32).toString('base64url')}`;

test('no route of the gate that changes anything takes a token of a program, in a header or in the place of the cookie', async () => {
  const changing = routes.filter(({ method }) => method !== 'get');
  const names = changing.map(({ name }) => name);
  assert.ok(names.length >= 25, `${names.length} routes`);
  for (const { name, method, path } of changing) {
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { cookie: `${sessionCookie}=${token}` },
    ]) {
      const place = path.replaceAll(/:\w+/g, promotionId);
      const answer = await createBrowser().send(origin + place, {
        method: method.toUpperCase(),
        json: {},
        headers: { accept: 'application/json', ...headers },
      });
      assert.equal(answer.status, 401, `${name} (${place}): ${answer.body}`);
    }
  }
});

test('among those routes is everything by which somebody decides', () => {
  const places = routes.filter(({ method }) => method !== 'get').map(({ path }) => path);
  for (const decides of [
    '/api/v1/promotions/:id/decisions',
    '/api/v1/promotions/:id/decisions/ssh',
    '/promotions/:id/reject',
    '/api/v1/promotions/:id/withdrawal',
    '/api/v1/promotions/:id/deliver',
    '/api/v1/promotions/:id/override',
    '/api/v1/promotions/:id/break-glass',
    '/api/v1/targets/:target/return',
    '/api/v1/stops',
    '/api/v1/stops/:id/lift',
    '/api/v1/stops/:id/lift/ssh',
    '/api/v1/reviews/:id',
    '/api/v1/me/passkeys',
    '/api/v1/me/security-keys',
    '/api/v1/passkeys/withdrawal',
  ]) {
    assert.ok(places.includes(decides), decides);
  }
});
