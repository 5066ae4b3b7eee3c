import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import {
  becomeAdministrator,
  launchChromium,
  openPage,
  picture,
  sidewaysScroll,
  signInAs,
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

test(
  'repositories are found from every page, and their pages fit narrow and wide screens, light and dark',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, `${pair.nonprodOrigin}/`, 'oke');
    await becomeAdministrator(page, '/');
    await page.click('nav[aria-label="Main"] a[href="/repos"]');
    await page.getByText('Whoever can push to it runs commands on runners').waitFor();
    await page.click('a[href="/found"]');
    await page.getByText('No organisation is looked at').waitFor();
    await pair.query(
      'nonprod',
      `insert into forge_source (name, provider, configured, looked_at)
         values ('forge.example/shop', 'github', true, now())`,
    );
    await pair.query(
      'nonprod',
      `insert into found_repository (source, forge_id, path, path_was, clone_url, main_branch, archived, private, gone, not_added)
         select 'forge.example/shop', path, 'shop/' || path, was, 'https://forge.example/shop/' || path || '.git', 'main',
           path = 'shelf', path = 'vault', path = 'left',
           case path when 'vault' then 'shop/vault is private at the forge; name the groups that own it here.' end
         from (values ('web', null), ('shop-front', 'shop/web'), ('vault', null), ('shelf', null), ('left', null)) found (path, was)`,
    );
    for (const [name, path] of [
      ['repos', '/repos'],
      ['found', '/found'],
      ['repository', '/repos/shop/shop-api'],
      ['me', '/me'],
    ] as const) {
      const answer = await page.goto(`${pair.nonprodOrigin}${path}`);
      assert.equal(answer?.status(), 200, path);
      for (const [scheme, width] of [
        ['light', 1280],
        ['dark', 1280],
        ['light', 390],
        ['dark', 390],
      ] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: 900 });
        assert.equal(await sidewaysScroll(page), 0, `${path} ${width}`);
        await picture(page, `${name}-${width}-${scheme}`);
      }
    }
    await pair.query('nonprod', 'delete from found_repository');
    await pair.query('nonprod', 'delete from forge_source');
    assert.deepEqual(complaints, []);
    await context.close();
  },
);
