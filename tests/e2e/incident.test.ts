/** What somebody does in a browser when something goes wrong, one thing a test; each is started again by two people at its end. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { whileHooksWait } from '@airlock/cli/drills/held-hook';
import { drillTarget } from '@airlock/cli/drills/target';
import { signedIn } from '@airlock/cli/signed-in';
import { readStops } from '@airlock/cli/stop-requests';
import {
  approveAs,
  askForPromotion,
  commitNewProduct,
  lookAtProduction,
  until,
  waitForCandidate,
  waitForEnd,
} from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import type { Browser, Page } from 'playwright-core';
import {
  becomeAdministrator,
  launchChromium,
  openPage,
  patience,
  picture,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { commandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';
import { assertWaits, discard, waitingPromotion } from '../support/promotion.ts';
import { runningDelivery, startAgain } from '../support/stops.ts';

let pair: Pair;
let browser: Browser;
before(async () => {
  pair = await runningPair();
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

/** Somebody signed in at the gate, looking at one of its pages. */
async function openedBy(person: string, path: string) {
  const opened = await openPage(browser, { scheme: 'light', width: 1280 });
  await signInAs(opened.page, `${pair.gateOrigin}${path}`, person);
  return opened;
}

/** From whatever page this is. @returns the id of the stop. */
async function stopIn(page: Page, kind: string, why: string): Promise<string> {
  await page.keyboard.press('!');
  const kinds = page.locator('select[name="kind"]');
  // Waiting for the address would fail where the key overtakes a page that was just loading itself again.
  await kinds.waitFor(patience);
  assert.equal(page.url(), `${pair.gateOrigin}/controls`);
  await kinds.selectOption(kind);
  await page.locator('textarea[name="reason"]').fill(why);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByText(why).first().waitFor(patience);
  return placedFor(why);
}

async function placedFor(why: string): Promise<string> {
  const { stops } = await readStops(await signedIn(pair.gateOrigin, 'leo'));
  const id = stops.find(({ reason }) => reason === why)?.id;
  assert.ok(id, why);
  return id;
}

/** Of a wide page in the light and a phone in the dark, neither of which scrolls sideways. */
async function look(page: Page, name: string): Promise<void> {
  for (const [scheme, width] of [
    ['dark', 390],
    ['light', 1280],
  ] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    assert.ok((await sidewaysScroll(page)) <= 0, `${name}, ${scheme} at ${width} px`);
    await picture(page, `incident-${name}-${scheme}-${width}`);
  }
}

/** Loads the page until it says this. */
const says = (page: Page, path: string, text: RegExp): Promise<true> =>
  until(`${path} says ${text.source}`, 30, async () => {
    await page.goto(`${pair.gateOrigin}${path}`);
    return text.test(await page.locator('main').innerText()) ? true : null;
  });

test(
  'stop all, from the ledger’s page by key: the page of the delivery that runs says what happens, and the stop’s how soon it did',
  { skip: withoutChromium },
  async () => {
    const leo = await openedBy('leo', '/ledger');
    const mira = await openedBy('mira', '/queue');
    const why = `all of it is wrong ${Date.now()}`;
    const placed: string[] = [];
    try {
      const delivery = await whileHooksWait(drillTarget(pair.layout.directory), async () => {
        const running = await runningDelivery(pair);
        await mira.page.goto(`${pair.gateOrigin}/deliveries/${running.delivery}`);
        placed.push(await stopIn(leo.page, 'stop-all', why));
        await mira.page.getByText('Stopped: all targets.').first().waitFor(patience);
        assert.equal((await waitForEnd(pair, running.promotion)).state, 'indeterminate');
        return running.delivery;
      });
      await says(mira.page, `/deliveries/${delivery}`, /Stopped: all targets\./);
      const page = await mira.page.locator('main').innerText();
      assert.match(page, /Running hooks get SIGTERM, then SIGKILL after 10 s;/);
      assert.match(page, new RegExp(`leo: “${why}”`));
      await look(mira.page, 'stopped-delivery');
      await says(
        leo.page,
        `/controls/${placed.join()}`,
        /It ends 1 delivery: the deliverer saw it after .* s, 1 hook ended after .* s, last of 1 lease gone after .* s\./,
      );
      await look(leo.page, 'stop-all');
    } finally {
      for (const stop of placed) await startAgain(pair, stop);
    }
    assert.deepEqual([...leo.complaints, ...mira.complaints], []);
    for (const { context } of [leo, mira]) await context.close();
  },
);

test(
  'revoke leases: whoever looks at the leases sees the counter go down by itself, and what became of the credential',
  { skip: withoutChromium },
  async () => {
    const leo = await openedBy('leo', '/queue');
    const mira = await openedBy('mira', '/leases');
    const counter = mira.page.getByRole('heading', { name: /^Live/ });
    const live = async (): Promise<number> => Number(/\d+/.exec(await counter.innerText())?.[0]);
    const placed: string[] = [];
    try {
      await whileHooksWait(drillTarget(pair.layout.directory), async () => {
        const { promotion, delivery } = await runningDelivery(pair);
        await mira.page.goto(`${pair.gateOrigin}/leases`);
        const row = mira.page.locator('tr').filter({ hasText: delivery });
        await row.getByText('live, used by the hook').waitFor(patience);
        const before = await live();
        await look(mira.page, 'leases-live');
        placed.push(await stopIn(leo.page, 'revoke-leases', `a login was seen ${Date.now()}`));
        await row.getByText(/revoked, lived \d/).waitFor(patience);
        assert.equal(await live(), before - 1);
        await look(mira.page, 'leases-revoked');
        assert.deepEqual((await lookAtProduction(pair)).ephemeralRoles, []);
        assert.equal((await waitForEnd(pair, promotion)).state, 'indeterminate');
      });
    } finally {
      for (const stop of placed) await startAgain(pair, stop);
    }
    assert.deepEqual([...leo.complaints, ...mira.complaints], []);
    for (const { context } of [leo, mira]) await context.close();
  },
);

test(
  'distrust of a signer: its page lists the releases that it signed, marks what is live, and holds what waits',
  { skip: withoutChromium },
  async () => {
    const first = await waitingPromotion(pair);
    for (const person of ['leo', 'mira']) await approveAs(pair, person, first);
    assert.equal((await waitForEnd(pair, first)).state, 'live');
    const second = await waitingPromotion(pair);
    const [signed] = await pair.query<{ key: string }>(
      'gate',
      'select key_ids[1] as key from promotion where id = $1',
      [second],
    );
    const key = signed?.key ?? '';
    const leo = await openedBy('leo', '/controls');
    const why = `the signer's disk was copied ${Date.now()}`;
    let stop: string | null = null;
    try {
      await leo.page.getByRole('link', { name: 'Blast radius' }).first().click();
      await leo.page.locator('#kind').selectOption('key');
      await leo.page.locator('#value').fill(key);
      await leo.page.getByRole('button', { name: 'Look' }).click();
      const rows = leo.page.locator('tbody tr');
      const rowOf = (promotion: string) =>
        rows.filter({ has: leo.page.locator(`a[href="/promotions/${promotion}"]`) });
      await rowOf(first).getByText('live', { exact: true }).waitFor(patience);
      await rowOf(second).getByText('waiting').waitFor(patience);
      await leo.page.locator('#reason').fill(why);
      await leo.page.getByRole('button', { name: 'Distrust this key' }).click();
      await leo.page.getByText('Distrusted', { exact: true }).waitFor(patience);
      stop = await placedFor(why);
      await look(leo.page, 'distrusted');
      for (const person of ['leo', 'mira']) await approveAs(pair, person, second);
      await assertWaits(pair, second, { code: 'E_STOPPED', have: 2 });
      await leo.page.goto(`${pair.gateOrigin}/controls`);
      const card = leo.page.locator('.card').filter({ hasText: why });
      await card.getByText(`Signer distrusted: key:${key}`).waitFor(patience);
      await card.getByText('Live, and rests on it:').waitFor(patience);
      await look(leo.page, 'signer-distrusted');
    } finally {
      await discard(pair, second);
      if (stop !== null) await startAgain(pair, stop);
    }
    assert.deepEqual(leo.complaints, []);
    await leo.context.close();
  },
);

test(
  'cutting the pair: what is asked for meanwhile is not taken in, and is once two people have started again',
  { skip: withoutChromium },
  async () => {
    const commit = await commitNewProduct(pair);
    const { id: candidate } = await waitForCandidate(pair, commit);
    const leo = await openedBy('leo', '/queue');
    const reason = 'asked while the pair is cut';
    const stop = await stopIn(leo.page, 'cut-pair', `nobody knows what it is ${Date.now()}`);
    try {
      await leo.page.getByText('Nothing more is taken in from non-prod.').first().waitFor(patience);
      await look(leo.page, 'cut');
      const dana = await signedIn(pair.nonprodOrigin, 'dana');
      await dana.postJson(`/api/v1/candidates/${candidate}/promotions`, { target, reason });
      // Many times what the gate takes to ask for what is new.
      await delay(5_000);
      const text = 'select id from promotion where commit = $1';
      assert.deepEqual(await pair.query('gate', text, [commit]), []);
    } finally {
      await startAgain(pair, stop);
    }
    await discard(pair, await askForPromotion(pair, candidate, reason));
    assert.deepEqual(leo.complaints, []);
    await leo.context.close();
  },
);

test(
  'the page of a runner in non-prod says the command that holds at the gate what was built there, and it does',
  { skip: withoutChromium },
  async () => {
    const promotion = await waitingPromotion(pair);
    const [trace] = await pair.query<{ runner: string }>(
      'gate',
      `select value as runner from promotion_trace where promotion_id = $1 and kind = 'runner'`,
      [promotion],
    );
    const why = `somebody had a shell on it ${Date.now()}`;
    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    const shell = commandLine(pair);
    let stop: string | null = null;
    try {
      const path = `/runners/${trace?.runner ?? ''}`;
      await signInAs(page, pair.nonprodOrigin + path, 'oke');
      await becomeAdministrator(page, path);
      const command = await page.getByRole('region', { name: 'At the gate' }).innerText();
      await look(page, 'runner');
      const words = command.trim().split(' ');
      assert.deepEqual([words[0], words.at(-1)], ['airlock', '"…"']);
      const { status, text } = await shell.airlock(...words.slice(1, -1), why);
      assert.equal(status, 0, text);
      stop = await placedFor(why);
      for (const person of ['leo', 'mira']) await approveAs(pair, person, promotion);
      await assertWaits(pair, promotion, { code: 'E_STOPPED', have: 2 });
    } finally {
      shell.dispose();
      await discard(pair, promotion);
      if (stop !== null) await startAgain(pair, stop);
    }
    assert.deepEqual(complaints, []);
    await context.close();
  },
);
