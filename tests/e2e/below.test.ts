/** Nonprod below a path of its host: what a person reads, follows and sends stays below it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { knock } from '@airlock/cli/drills/knock';
import { signInToDemo } from '@airlock/cli/web-session';
import { startIdentityProvider } from '@airlock/testkit/idp';
import { freePort } from '@airlock/testkit/ports';
import type { Browser } from 'playwright-core';
import { parse, stringify } from 'yaml';
import {
  launchChromium,
  openPage,
  patience,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { commitAside } from '../support/git.ts';
import { runningPair } from '../support/pair.ts';

let browser: Browser;
before(async () => {
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

test(
  'below a path dana signs in, watches a run live to its end, goes where the pages lead and signs out, without a request outside of it',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const directory = mkdtempSync(join(tmpdir(), 'airlock-below-'));
    const file = join(pair.layout.config, 'nonprod-web.yaml');
    const written = readFileSync(file, 'utf8');
    // Written by the demo itself.
    const config = parse(written) as { saml: { idp: object } };
    const origin = `${pair.nonprodOrigin}/ci`;
    const entityId = `${origin}/saml/metadata`;
    const idp = await startIdentityProvider({
      port: await freePort(),
      entityId: 'https://idp.below.example/metadata',
      people: [
        {
          ...{ id: 'dana', name: 'Dana Okafor', email: 'dana@demo.airlock.example' },
          groups: ['developers'],
        },
      ],
      serviceProviders: [
        {
          ...{ entityId, acs: `${origin}/auth/saml/acs` },
          certificatePem: pair.keys.saml.nonprod.certificatePem,
        },
      ],
      keyDirectory: directory,
    });
    const certificateFile = join(directory, 'idp.pem');
    writeFileSync(certificateFile, idp.certificatePem);
    const itsOwn = { entityId: idp.entityId, signInUrl: `${idp.url}/sso`, certificateFile };
    await pair.process('nonprod-web').stop();
    try {
      const saml = { ...config.saml, entityId, idp: { ...config.saml.idp, ...itsOwn } };
      writeFileSync(file, stringify({ ...config, origin, saml }));
      await pair.start('nonprod-web');

      const { context, page, complaints } = await openPage(browser, {
        scheme: 'light',
        width: 1280,
      });
      const asked: URL[] = [];
      page.on('request', (request) => asked.push(new URL(request.url())));
      await signInAs(page, `${origin}/`, 'dana');
      const commit = await commitAside(pair, 'refs/heads/below-a-path');
      const row = page
        .locator('tr')
        .filter({ hasText: commit.slice(0, 7) })
        .first();
      await row.waitFor(patience);
      await row.locator('a[href^="/ci/runs/"]').click();
      await page
        .getByText(/\+ sh (test|package)\.sh/)
        .first()
        .waitFor(patience);
      await page
        .getByText(/^Passed/)
        .first()
        .waitFor(patience);
      const led = await page.locator('nav a[href^="/"]').evaluateAll((links) =>
        // In the page, where these are elements.
        links.map((link) => (link as unknown as { href: string }).href),
      );
      assert.ok(led.length >= 4, led.join(' '));
      for (const address of led) {
        const answer = await page.goto(address);
        assert.equal(answer?.status(), 200, address);
      }
      await page.getByRole('button', { name: 'Sign out' }).first().click();
      await page.waitForURL(`${origin}/auth/signed-out`);
      const { host } = new URL(origin);
      const outside = asked.filter((url) => url.host === host && !url.pathname.startsWith('/ci/'));
      assert.deepEqual(outside.map(String), []);
      assert.ok(
        asked.some(({ pathname }) => pathname.endsWith('/lines')),
        'no log was followed',
      );
      assert.deepEqual(complaints, []);
      await context.close();

      const dana = await signInToDemo(origin, 'dana');
      assert.ok(JSON.stringify(await dana.getJson('/api/v1/runs')).includes(commit));
      const hook = { method: 'POST', path: '/hooks/git/github', body: '{}' };
      assert.equal((await knock(origin, hook)).status, 403, 'webhooks come in below the path');
      const { status, text } = await knock(pair.nonprodOrigin, hook);
      assert.deepEqual([status, text], [404, '']);
    } finally {
      await pair.process('nonprod-web').stop();
      writeFileSync(file, written);
      await pair.start('nonprod-web');
      await idp.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
