/** What comes before the session: the intent is published, hooks and artifacts are checked, Vault is there. Nothing exists yet that would have to be revoked. */
import { sha256Hex } from '@airlock/common/encoding/hex';
import { pauseAfter } from '../domain/patience.ts';
import { awaitPublished } from './await-published.ts';
import { DeliveryFault } from './delivery-fault.ts';
import type { HookPreparer, HookRequest } from './delivery-ports.ts';
import type { Saga } from './delivery-saga.ts';
import type { PreparedHooks } from './delivery-stages.ts';

export type HookPreparation = Awaited<ReturnType<HookPreparer['prepare']>>[];

/** @throws DeliveryFault `E_LEDGER_UNAVAILABLE` */
export async function intentPublished({ dependencies, started, heart }: Saga): Promise<void> {
  const { times } = dependencies;
  const { delivery } = started;
  const isThere = await awaitPublished({
    isPublished: () => dependencies.isPublished(delivery.intentDigest),
    withinMs: times.intentWithinMs,
    meanwhile: () => {
      heart.check();
    },
  });
  if (!isThere) {
    throw new DeliveryFault(
      'E_LEDGER_UNAVAILABLE',
      `the ledger did not publish the intent within ${times.intentWithinMs / 1000} s; is gate-watchdog running?`,
    );
  }
}

/** @param prepared gets each as soon as it has to be disposed of. */
export async function prepareHooks(
  { dependencies, started }: Saga,
  prepared: HookPreparation,
): Promise<PreparedHooks> {
  const { delivery, promotion, policy } = started;
  const facts = {
    deliveryId: delivery.id,
    fence: delivery.fence,
    promotionId: promotion.id,
    promotionDigest: promotion.promotionDigest,
    target: promotion.target,
    release: promotion.release,
    commit: promotion.commit,
    returns: promotion.returns,
  };
  const request: HookRequest = {
    hook: promotion.hook,
    params: policy.deliver.params,
    inWaves: policy.deliver.waves !== undefined,
    artifact: { name: promotion.subjectName, sha256: promotion.artifactDigest },
    reads: policy.credentials.vault.reads,
    egress: policy.deliver.egress,
    facts,
  };
  const prepare = async (one: HookRequest) => {
    const hook = await dependencies.hooks.prepare(one);
    prepared.push(hook);
    return hook;
  };
  const deliver = await prepare(request);
  const { verify: look } = policy;
  const verify =
    look === undefined
      ? null
      : await prepare({ ...request, hook: look.hook, params: look.params, inWaves: false });
  const { returnTo } = started;
  if (returnTo === null) return { deliver, verify, back: null };
  const hook = await prepare({
    ...request,
    inWaves: false,
    artifact: { name: promotion.subjectName, sha256: returnTo.artifactDigest },
    facts: {
      ...facts,
      promotionId: returnTo.promotionId,
      // A hook that knows the earlier promotion by its digest would take the return for done.
      promotionDigest: sha256Hex(Buffer.from(`return ${promotion.promotionDigest}`)),
      release: returnTo.release,
      commit: returnTo.commit,
      returns: null,
    },
  });
  return { deliver, verify, back: { hook, to: returnTo } };
}

/** Says in the delivery's log what was prepared. */
export function tellPrepared({ started, book }: Saga, { back }: PreparedHooks): void {
  const { promotion } = started;
  book.write(
    'gate',
    `hook ${promotion.hook} and artifact sha256:${promotion.artifactDigest} are those approved`,
  );
  if (back !== null) {
    book.write('gate', `if the verification fails, ${back.to.release} is put back`);
  }
}

/** A Vault that is away holds the delivery up and is asked again. @throws DeliveryFault `vault-away` when the promotion expires. */
export async function vaultReady({
  dependencies,
  started,
  book,
  heart,
  pause,
}: Saga): Promise<void> {
  const { clock, log } = dependencies;
  const { delivery, promotion } = started;
  let told: string | null = null;
  for (let failures = 1; ; failures += 1) {
    heart.check();
    const answer = await dependencies.vault.ready({ signal: heart.signal });
    heart.check();
    if (answer.ready) {
      if (told !== null) book.write('gate', 'Vault answers again');
      return;
    }
    if (clock() > promotion.expiresAt) {
      throw new DeliveryFault(
        'vault-away',
        `${answer.reason}, until the promotion expired; nothing was issued`,
      );
    }
    if (told !== answer.reason) {
      told = answer.reason;
      book.write(
        'gate',
        `blocked:vault: ${told}; nothing was issued, the delivery waits and asks again`,
      );
      log.warn('delivery.blocked', { deliveryId: delivery.id, by: 'vault', reason: told });
    }
    const { retryAfterSeconds } = answer;
    await pause(pauseAfter({ failures, random: dependencies.random(), retryAfterSeconds }));
  }
}
