/** A credential that is older than it may be is told where people look: pages, API, figures, doctor. */
import assert from 'node:assert/strict';
import { statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { becomeAdministrator as elevated } from '@airlock/cli/become-administrator';
import { examine } from '@airlock/cli/doctor';
import { readInstallation } from '@airlock/cli/doctor/installation';
import { until } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
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

const dayMs = 24 * 3600_000;
let browser: Browser;
before(async () => {
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

/** Runs `work` while a key of nonprod-web's was last written 400 days ago. */
async function withOldKey(pair: Pair, work: () => Promise<void>): Promise<void> {
  const file = join(pair.layout.keys, 'database/webhook-key');
  const { atime, mtime } = statSync(file);
  utimesSync(file, atime, new Date(Date.now() - 400 * dayMs));
  try {
    await work();
  } finally {
    utimesSync(file, atime, mtime);
  }
}

const due = async (port: number, setting: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const line = new RegExp(
    `^airlock_credential_due_timestamp_seconds\\{setting="${setting}"\\} (\\S+)$`,
    'm',
  );
  return Number(line.exec(text)?.[1]);
};

test('B47: a key that is too old is told by API, figures and doctor, and no longer once it was written anew', async () => {
  const pair = await runningPair();
  const { nonprodFigures, gateFigures } = pair.ports;
  const oke = await elevated(await pair.signIn('nonprod', 'oke'), 'looks at credentials');
  const overdue = async (): Promise<string[]> => {
    // Its own API.
    const { credentials } = (await oke.getJson('/api/v1/credentials')) as {
      credentials: { setting: string; overdue: boolean }[];
    };
    return credentials.flatMap((each) => (each.overdue ? [each.setting] : []));
  };
  const doctor = async () =>
    (await examine(await readInstallation(pair.layout.config), ['rotation']))[0];
  await withOldKey(pair, async () => {
    assert.deepEqual(await overdue(), ['webhookKeyFile']);
    await until('the figure of the old key', 15, async () =>
      (await due(nonprodFigures, 'webhookKeyFile')) < Date.now() / 1000 ? true : null,
    );
    const found = await doctor();
    assert.equal(found?.status, 'fail');
    assert.match(found.summary, /nonprod-web\.yaml: webhookKeyFile has been in use for 400 days/);
  });
  assert.deepEqual(await overdue(), []);
  // Figures are read anew after some seconds.
  await until('the figure of the key that was written anew', 15, async () =>
    (await due(nonprodFigures, 'webhookKeyFile')) > Date.now() / 1000 ? true : null,
  );
  assert.ok((await due(gateFigures, 'saml.keyFile')) > Date.now() / 1000);
  const fine = await doctor();
  assert.equal(fine?.status, 'pass', fine?.summary);
});

for (const [scheme, width] of [
  ['light', 1280],
  ['dark', 390],
] as const) {
  test(
    `B47: those who administer see it on every page and which it is on Credentials, ${scheme} at ${width} px`,
    { skip: withoutChromium },
    async () => {
      const pair = await runningPair();
      await withOldKey(pair, async () => {
        const { context, page, complaints } = await openPage(browser, { scheme, width });
        await signInAs(page, `${pair.nonprodOrigin}/`, 'oke');
        await becomeAdministrator(page, '/credentials');
        await page.getByText('A credential of nonprod-web is overdue.').waitFor();
        await page.getByText('overdue since').waitFor();
        assert.equal(await sidewaysScroll(page), 0);
        await picture(page, `credentials-${width}-${scheme}`);
        assert.deepEqual(complaints, []);
        await context.close();
        const dana = await pair.signIn('nonprod', 'dana');
        assert.doesNotMatch((await dana.getBytes('/')).toString('utf8'), /is overdue/);
      });
    },
  );
}
