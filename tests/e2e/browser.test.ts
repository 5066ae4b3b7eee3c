import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  approveAs,
  commitNewProduct,
  lookAtProduction,
  waitForCandidate,
} from '@airlock/demo/flow';
import type { Browser } from 'playwright-core';
import {
  becomeAdministrator,
  launchChromium,
  openPage,
  patience,
  picture,
  sidewaysScroll,
  signInAs,
  signInWithPasskey,
  withoutChromium,
} from '../support/chromium.ts';
import { runningPair } from '../support/pair.ts';

let browser: Browser;
before(async () => {
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

/** The latest thing that dana asked for, from her page at nonprod to the gate's page. */
let gatePage = '';

test(
  'dana watches her push being built, live, and asks for promotion',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, `${pair.nonprodOrigin}/`, 'dana');
    const commit = await commitNewProduct(pair);
    const row = page
      .locator('tr')
      .filter({ hasText: commit.slice(0, 7) })
      .first();
    await row.waitFor(patience);
    await row.locator('a[href^="/runs/"]').click();
    // Of whichever step is running, or ran last, when the page opens.
    await page
      .getByText(/\+ sh (test|package)\.sh/)
      .first()
      .waitFor(patience);
    await page
      .getByText(/^Passed/)
      .first()
      .waitFor(patience);
    await picture(page, 'nonprod-run-light-1280');

    // Signed a moment after the run passed; until then the first in the list is an older one.
    await waitForCandidate(pair, commit);
    await page.goto(`${pair.nonprodOrigin}/candidates`);
    await page.locator('a[href^="/candidates/"]').first().click();
    await page.getByText(commit.slice(0, 7)).first().waitFor(patience);
    await picture(page, 'nonprod-candidate-light-1280');
    await page.getByRole('button', { name: 'Ask for promotion' }).click();
    const link2 = page.locator(`a[href^="${pair.gateOrigin}/"]`).first();
    await link2.waitFor(patience);
    gatePage = (await link2.getAttribute('href')) ?? '';
    await picture(page, 'nonprod-promotion-light-1280');
    assert.match(gatePage, /\/promotions\/prm_/);
    assert.deepEqual(complaints, []);
    await context.close();
  },
);

test(
  'mira enrols a passkey, reads what changes, approves, and watches it go live',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const before_ = await lookAtProduction(pair);
    await approveAs(pair, 'leo', new URL(gatePage).pathname.split('/').at(-1) ?? '');

    const { context, page, complaints } = await openPage(browser, { scheme: 'dark', width: 1280 });
    await signInWithPasskey({ context, page }, pair.gateOrigin, {
      person: 'mira',
      label: 'virtual key',
    });
    await picture(page, 'gate-me-dark-1280');

    await page.goto(`${pair.gateOrigin}/queue`);
    await page.getByRole('heading', { name: /Needs you/ }).waitFor(patience);
    await picture(page, 'gate-queue-dark-1280');
    await page.goto(gatePage);
    await page
      .getByText(/1 of 2 approvals/)
      .first()
      .waitFor(patience);
    await page
      .getByText(/Sell the widget/)
      .first()
      .waitFor(patience);
    await picture(page, 'gate-promotion-dark-1280');
    await page.locator('form[data-passkey="approve"] button[type="submit"]').click();

    await page.getByText('Delivered.').first().waitFor(patience);
    await picture(page, 'gate-live-dark-1280');
    await page.locator('a[href^="/deliveries/"]').first().click();
    await page
      .getByText(/revoked/i)
      .first()
      .waitFor(patience);
    await picture(page, 'gate-delivery-dark-1280');
    assert.deepEqual(complaints, []);
    await context.close();

    const now = await lookAtProduction(pair);
    assert.equal(now.releases.length, before_.releases.length + 1);
    assert.deepEqual(now.ephemeralRoles, []);
  },
);

test(
  'every page fits a phone, light and dark, and breaks no rule of its own policy',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const oke = await pair.signIn('nonprod', 'oke');
    await oke.putJson('/api/v1/variable-sets', {
      set: 'eu',
      name: 'REGION',
      value: 'eu-central-1',
    });
    for (const scheme of ['light', 'dark'] as const) {
      const { context, page, complaints } = await openPage(browser, { scheme, width: 390 });
      for (const [origin, person, paths] of [
        [
          pair.nonprodOrigin,
          'dana',
          ['/', '/candidates', '/promotions', '/variables', '/variable-sets', '/usage'],
        ],
        [pair.nonprodOrigin, 'oke', ['/me/administrator', '/audit']],
        [
          pair.gateOrigin,
          'mira',
          [
            ...[
              '/queue',
              '/targets/prod-eu',
              '/targets/prod-eu/access',
              '/leases',
              '/ledger',
              '/trust',
              '/me',
              '/passkeys',
            ],
            ...[new URL(gatePage).pathname, `${new URL(gatePage).pathname}/checks/approvals`],
          ],
        ],
      ] as const) {
        await context.clearCookies();
        await signInAs(page, `${origin}${paths[0]}`, person);
        for (const path of paths) {
          const answer = await page.goto(`${origin}${path}`);
          assert.equal(answer?.status(), 200, path);
          assert.equal(await sidewaysScroll(page), 0, `${path} scrolls sideways at 390 px`);
          assert.equal(await page.locator('[style]').count(), 0, `${path} has inline styles`);
          await picture(
            page,
            `${origin === pair.gateOrigin ? 'gate' : 'nonprod'}${path.replaceAll('/', '-')}-${scheme}-390`,
          );
          // What follows is for administrators.
          if (path === '/me/administrator') await becomeAdministrator(page, '/audit');
        }
      }
      assert.deepEqual(complaints, []);
      await context.close();
    }
  },
);

test(
  'a page that needs a role says which group is missing, and who is asking',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const { context, page } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, gatePage, 'dana');
    assert.equal(await page.locator('form[data-passkey="approve"]').count(), 0);
    await picture(page, 'gate-promotion-as-dana-light-1280');
    await context.close();
    const dana = await pair.signIn('gate', 'dana');
    await assert.rejects(dana.postJson('/api/v1/me/passkeys/options', {}), /release-manager/);
  },
);
