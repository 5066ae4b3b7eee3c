/** Somebody changes what runs in production behind the gate's back, and the gate notices. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { signedIn } from '@airlock/cli/signed-in';
import { approveAs, until, waitForEnd } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import type { Browser } from 'playwright-core';
import { z } from 'zod';
import {
  launchChromium,
  openPage,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { commandLine, type CommandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';
import { waitingPromotion } from '../support/promotion.ts';

/** Where screenshots go when somebody wants to look: AIRLOCK_SCREENSHOTS=directory. */
const pictures = process.env['AIRLOCK_SCREENSHOTS'];
const foreign = 'b'.repeat(64);

let pair: Pair;
let shell: CommandLine;
let browser: Browser;
before(async () => {
  pair = await runningPair();
  shell = commandLine(pair);
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  shell.dispose();
  if (withoutChromium === false) await browser.close();
});

const Queue = z.looseObject({
  live: z.array(
    z.looseObject({
      target: z.string(),
      release: z.string(),
      runs: z.looseObject({ kind: z.string(), text: z.string(), running: z.array(z.string()) }),
    }),
  ),
});

async function liveHere() {
  const mira = await signedIn(pair.gateOrigin, 'mira');
  const { live } = Queue.parse(await mira.getJson('/api/v1/queue'));
  return live.find((each) => each.target === target) ?? null;
}

const seenAs = (kind: string) =>
  until(`a look that says ${kind}`, 45, async () => {
    const live = await liveHere();
    return live?.runs.kind === kind ? live : null;
  });

/** Types of the ledger's entries about what runs on the target, oldest first. */
async function told(): Promise<string[]> {
  const rows = await pair.query<{ body: Buffer }>(
    'gate',
    `select body from ledger_entry where convert_from(body, 'UTF8') like '{"v":1,"type":"target.%' order by idx`,
  );
  return rows.map(
    ({ body }) => z.looseObject({ type: z.string() }).parse(JSON.parse(body.toString())).type,
  );
}

/** As somebody with a login of their own to production would: all products are of another artifact now. */
async function changeProduction(): Promise<() => Promise<void>> {
  const rows = await pair.query<{ promotion_digest: string; artifact: string }>(
    'shop',
    'select promotion_digest, artifact from release_history where release = (select release from product limit 1)',
  );
  const write = async (digest: string, artifact: string): Promise<void> => {
    const text = 'update release_history set artifact = $2 where promotion_digest = $1';
    await pair.query('shop', text, [digest, artifact]);
  };
  for (const { promotion_digest: digest } of rows) await write(digest, foreign);
  return async () => {
    for (const { promotion_digest: digest, artifact } of rows) await write(digest, artifact);
  };
}

test('what is delivered is seen to run; what somebody else puts there is told once, shown everywhere, and so is its end', async () => {
  const first = await waitingPromotion(pair);
  for (const person of ['leo', 'mira']) await approveAs(pair, person, first);
  assert.equal((await waitForEnd(pair, first)).state, 'live');
  const same = await seenAs('same');
  assert.match(same.runs.text, /^this release, seen .*\(just now\)$/);
  assert.match(
    (await shell.airlock('queue', '--as', 'mira')).text,
    /runs there: this release, seen/,
  );

  const waiting = await waitingPromotion(pair);
  const before = (await told()).length;
  const putBack = await changeProduction();
  try {
    const other = await seenAs('other');
    assert.deepEqual(other.runs.running, [`sha256:${foreign}`]);
    await until('its entry in the ledger', 30, async () =>
      (await told()).length > before ? true : null,
    );
    const { text } = await shell.airlock('queue', '--as', 'mira');
    assert.match(text, /runs there: something else: sha256:b{12}…, seen/);
    await look(waiting);
  } finally {
    await putBack();
  }
  await seenAs('same');
  await until('the entry of its end', 30, async () =>
    (await told()).length > before + 1 ? true : null,
  );
  assert.deepEqual((await told()).slice(before), ['target.drifted', 'target.settled']);
  // A warning: what waits is delivered as it would have been.
  for (const person of ['leo', 'mira']) await approveAs(pair, person, waiting);
  assert.equal((await waitForEnd(pair, waiting)).state, 'live');
});

/** The pages of somebody who decides, while something else runs. */
async function look(waiting: string): Promise<void> {
  if (withoutChromium !== false) return;
  const pages: [name: string, path: string, says: RegExp][] = [
    ['queue', '/queue', /Something else runs on prod-eu\./],
    ['target', `/targets/${target}`, /Something else runs on prod-eu\./],
    ['release', `/promotions/${waiting}`, /which is not what runs on prod-eu/],
    ['ledger', '/ledger', /saw that sha256:b{64} runs on prod-eu/],
  ];
  for (const [scheme, width] of [
    ['dark', 1280],
    ['light', 390],
  ] as const) {
    const { context, page, complaints } = await openPage(browser, { scheme, width });
    await signInAs(page, `${pair.gateOrigin}/queue`, 'mira');
    for (const [name, path, says] of pages) {
      await page.goto(`${pair.gateOrigin}${path}`);
      assert.match(await page.locator('main').innerText(), says, name);
      assert.equal(await sidewaysScroll(page), 0, `${name} at ${width}`);
      if (pictures === undefined) continue;
      mkdirSync(pictures, { recursive: true });
      await page.screenshot({
        path: join(pictures, `observe-${name}-${scheme}-${width}.png`),
        fullPage: true,
      });
    }
    assert.deepEqual(complaints, []);
    await context.close();
  }
}
