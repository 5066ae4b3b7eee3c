/** A genuine promotion, step by step, and what the gate says of it. */
import assert from 'node:assert/strict';
import { askForPromotion, commitNewProduct, waitForCandidate } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { emailOf, people } from '@airlock/demo/people';
import { firstProducts, productsFile } from '@airlock/demo/repository';
import { z } from 'zod';

const Details = z.looseObject({
  state: z.string(),
  promotionDigest: z.string(),
  verdict: z.looseObject({ codes: z.array(z.string()) }),
  approvals: z.looseObject({ have: z.number(), need: z.number() }),
  checks: z.array(z.looseObject({})),
});

/**
 * A new commit on main, built by nonprod, asked for, admitted by the gate: it waits for approvals.
 *
 * @param requester who asks. @param author whose name the commit carries.
 */
export async function waitingPromotion(
  pair: Pair,
  requester = 'dana',
  author = 'dana',
): Promise<string> {
  const commit = author === 'dana' ? await commitNewProduct(pair) : await commitBy(pair, author);
  const candidate = await waitForCandidate(pair, commit);
  const reason = 'asked by a test';
  const session = await pair.signIn('nonprod', requester);
  await session.postJson(`/api/v1/candidates/${candidate.id}/promotions`, { target, reason });
  // Asking again for the same finds the same request, and waits for the gate.
  return askForPromotion(pair, candidate.id, reason);
}

function commitBy(pair: Pair, author: string): Promise<string> {
  const person = people.find(({ id }) => id === author);
  if (person === undefined) throw new Error(`the demo has no ${author}`);
  return pair.repository.commit({
    message: `Sell what ${person.name} found`,
    author: { name: person.name, email: emailOf(person) },
    files: {
      'products.json': productsFile([
        ...firstProducts,
        { sku: `found-by-${author}`, name: 'Found', price_cents: 5 },
      ]),
    },
  });
}

/** What the gate's page shows of a promotion. */
export async function detailsOf(pair: Pair, id: string): Promise<z.infer<typeof Details>> {
  const mira = await pair.signIn('gate', 'mira');
  return Details.parse(await mira.getJson(`/api/v1/promotions/${id}`));
}

export async function assertWaits(
  pair: Pair,
  id: string,
  expected: { readonly code: string; readonly have: number },
): Promise<void> {
  const { state, verdict, approvals } = await detailsOf(pair, id);
  assert.equal(state, 'waiting');
  assert.ok(
    verdict.codes.includes(expected.code),
    `${expected.code} expected among ${verdict.codes.join(', ')}`,
  );
  assert.equal(approvals.have, expected.have, 'approvals that count');
}

/** Rejects a promotion that a test leaves behind, as a release manager would. */
export async function discard(pair: Pair, id: string): Promise<void> {
  await pair.query(
    'gate',
    `update promotion set state = 'rejected', state_reason = 'left behind by a test', state_changed_at = now() where id = $1 and state = 'waiting'`,
    [id],
  );
}
