/** What people do in the demo, done by the same requests that a browser makes. */
import { setTimeout as delay } from 'node:timers/promises';
import { decideWithPasskey, enrolPasskey } from '@airlock/cli/decisions';
import { signedIn } from '@airlock/cli/signed-in';
import { z } from 'zod';
import { emailOf, people } from './people.ts';
import { productsFile, firstProducts } from './repository.ts';
import type { Pair } from './pair.ts';
import { target } from './names.ts';

const Candidate = z.looseObject({ id: z.string(), release: z.string(), commit: z.string() });
const AskedPromotion = z.looseObject({
  gate: z.looseObject({
    status: z
      .looseObject({
        state: z.string(),
        codes: z.array(z.string()),
        promotion: z.string().nullable(),
      })
      .nullable(),
  }),
});
const PromotionView = z.looseObject({ id: z.string(), state: z.string(), release: z.string() });

/** Waits until `look` gives something, asking every 100 ms. @throws with `what` after `seconds`. */
export async function until<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | null>,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${seconds} s`);
    await delay(100);
  }
}

/** A signed build of main for this commit; null asks for the newest. */
export async function waitForCandidate(
  pair: Pair,
  commit: string,
): Promise<z.infer<typeof Candidate>> {
  const dana = await signedIn(pair.nonprodOrigin, 'dana');
  return until(`a candidate of ${commit.slice(0, 7)}`, 90, async () => {
    const { candidates } = z
      .looseObject({ candidates: z.array(Candidate) })
      .parse(await dana.getJson('/api/v1/candidates'));
    return candidates.find((candidate) => candidate.commit === commit) ?? null;
  });
}

/** Dana asks; the gate pulls, checks and takes it in. Returns the gate's promotion id. */
export async function askForPromotion(
  pair: Pair,
  candidateId: string,
  reason: string,
): Promise<string> {
  const dana = await signedIn(pair.nonprodOrigin, 'dana');
  const asked = z
    .looseObject({ id: z.string() })
    .parse(await dana.postJson(`/api/v1/candidates/${candidateId}/promotions`, { target, reason }));
  return until('admission by the gate', 30, async () => {
    const { gate } = AskedPromotion.parse(await dana.getJson(`/api/v1/promotions/${asked.id}`));
    if (gate.status === null) return null;
    const { state, codes, promotion } = gate.status;
    if (state === 'refused') throw new Error(`the gate refused it: ${codes.join(', ')}`);
    return promotion;
  });
}

/** Enrols a software passkey for a release manager unless they have one, and approves with it. */
export async function approveAs(pair: Pair, person: string, promotionId: string): Promise<void> {
  const session = await signedIn(pair.gateOrigin, person);
  const passkeyFile = await enrolPasskey(session, pair.layout.passkeys);
  await until(`the enrolment of ${person} in the signed ledger`, 10, async () => {
    const waiting = await pair.query(
      'gate',
      `select 1 from passkey p where p.person = $1 and not exists (select from ledger_entry e
         where e.type = 'passkey.enrolled' and e.subject_digest = p.enrolment_digest)`,
      [person],
    );
    return waiting.length === 0 ? true : null;
  });
  await decideWithPasskey(session, { promotionId, passkeyFile, note: 'approved in the demo' });
}

export async function waitForEnd(
  pair: Pair,
  promotionId: string,
  seconds = 60,
): Promise<z.infer<typeof PromotionView>> {
  const mira = await signedIn(pair.gateOrigin, 'mira');
  return until('the end of the delivery', seconds, async () => {
    const view = PromotionView.parse(await mira.getJson(`/api/v1/promotions/${promotionId}`));
    return ['waiting', 'delivering'].includes(view.state) ? null : view;
  });
}

/** A commit that production does not have yet: one product more than main has now. */
export async function commitNewProduct(pair: Pair): Promise<string> {
  const dana = people[0];
  if (dana === undefined) throw new Error('the demo has people');
  const number = Date.now() % 1_000_000;
  return pair.repository.commit({
    message: `Sell the widget ${number}`,
    author: { name: dana.name, email: emailOf(dana) },
    files: {
      'products.json': productsFile([
        ...firstProducts,
        { sku: `widget-${number}`, name: `Widget ${number}`, price_cents: 100 + (number % 900) },
      ]),
    },
  });
}

export interface ProductionState {
  /** Releases that the hook recorded, newest last. */
  readonly releases: readonly string[];
  readonly products: number;
  /** Dynamic logins that exist right now. */
  readonly ephemeralRoles: readonly string[];
}

/** What `psql` would show of the "production" database. */
export async function lookAtProduction(pair: Pair): Promise<ProductionState> {
  const roles = await pair.query<{ rolname: string }>(
    'shop',
    `select rolname from pg_roles where rolname like 'v-%'`,
  );
  const [exists] = await pair.query<{ yes: boolean }>(
    'shop',
    `select to_regclass('public.release_history') is not null as yes`,
  );
  if (exists?.yes !== true)
    return { releases: [], products: 0, ephemeralRoles: roles.map(({ rolname }) => rolname) };
  const releases = await pair.query<{ release: string }>(
    'shop',
    'select release from release_history order by 1',
  );
  const [count] = await pair.query<{ n: string }>(
    'shop',
    'select count(*)::text as n from product',
  );
  return {
    releases: releases.map(({ release }) => release),
    products: Number(count?.n ?? 0),
    ephemeralRoles: roles.map(({ rolname }) => rolname),
  };
}
