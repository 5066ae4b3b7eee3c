import type { Pair } from '@airlock/demo/pair';
import type { Browser } from 'playwright-core';
import { openPage, signInWithPasskey } from './chromium.ts';

/** Somebody signed in at the gate in a browser of their own, with a passkey that they have just enrolled there. */
export async function withPasskey(browser: Browser, pair: Pair, person: string) {
  const opened = await openPage(browser, { scheme: 'light', width: 1280 });
  await signInWithPasskey(opened, pair.gateOrigin, { person, label: `${person} of a test` });
  return opened;
}
