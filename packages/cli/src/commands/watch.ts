/** `airlock watch`: a delivery as it goes, from the last approval to its end, with every credential and the hook's own words. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { promotionPath, signIn } from '../release-commands.ts';
import type { WebSession } from '../web-session.ts';

export const WatchedDelivery = z.looseObject({
  id: z.string(),
  promotion: z.string(),
  target: z.string(),
  state: z.enum(['running', 'succeeded', 'failed', 'indeterminate']),
  step: z.string(),
  verification: z.string().nullable(),
  outcomeReason: z.string().nullable(),
  leases: z.array(
    z.looseObject({
      state: z.string(),
      attempts: z.number(),
      lastError: z.string().nullable(),
      credentials: z.array(
        z.looseObject({
          as: z.string(),
          path: z.string(),
          issuedAt: z.string().nullable(),
          diesAtLatest: z.string().nullable(),
          goneAt: z.string().nullable(),
        }),
      ),
    }),
  ),
  log: z.array(z.looseObject({ sequence: z.number(), stream: z.string(), line: z.string() })),
});
export type WatchedDelivery = z.infer<typeof WatchedDelivery>;

const WatchedPromotion = z.looseObject({
  state: z.string(),
  delivery: z.string().nullable(),
  verdict: z.looseObject({ text: z.string() }),
});

const lookEveryMs = 500;
/** What ends without a delivery. */
const over = new Set(['rejected', 'expired', 'superseded']);

export function registerWatch(program: Command, print: Print = toStdout): void {
  program
    .command('watch')
    .argument('<delivery>', 'id such as dlv_7k2q9x0d1f, or the promotion that it is to be of')
    .description(
      'a delivery as it goes, until it has ended; exit 5 when it did not succeed or nothing came of the promotion',
    )
    .addOption(
      new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .action(async (id: string, options: { as: string }) => {
      const isDelivery = /^dlv_[0-9a-z]{10}$/.test(id);
      if (!isDelivery) promotionPath(id);
      const session = await signIn(options.as);
      const delivery = isDelivery ? id : await deliveryOf(session, id, print);
      await follow(session, delivery, print);
    });
}

/** Tells what a promotion waits for until a delivery of it begins. @throws CliError `failedCheck` when none will. */
async function deliveryOf(session: WebSession, id: string, print: Print): Promise<string> {
  for (let said = ''; ;) {
    const { state, delivery, verdict } = WatchedPromotion.parse(
      await session.getJson(promotionPath(id)),
    );
    if (delivery !== null) return delivery;
    if (over.has(state)) throw new CliError(exitCode.failedCheck, safe(verdict.text));
    if (verdict.text !== said) print([safe(verdict.text)]);
    said = verdict.text;
    await sleep(lookEveryMs);
  }
}

async function follow(session: WebSession, id: string, print: Print): Promise<void> {
  const seen = new Set<string>();
  for (let after = 0; ;) {
    const delivery = WatchedDelivery.parse(
      await session.getJson(`/api/v1/deliveries/${id}?after=${after}`),
    );
    const fresh = newsOf(delivery).filter((line) => !seen.has(line));
    for (const line of fresh) seen.add(line);
    const lines = delivery.log.map(({ stream, line }) => `  ${safe(stream)} | ${safe(line)}`);
    if (fresh.length + lines.length > 0) print([...fresh, ...lines]);
    after = delivery.log.at(-1)?.sequence ?? after;
    const isOver = delivery.state !== 'running' && delivery.leases.every(isClean);
    // What the hook printed last may come in more than one piece.
    if (isOver && delivery.log.length === 0) {
      if (delivery.state === 'succeeded') return;
      const reason = delivery.outcomeReason === null ? '' : `: ${delivery.outcomeReason}`;
      throw new CliError(exitCode.failedCheck, safe(`${id} ${delivery.state}${reason}`));
    }
    await sleep(lookEveryMs);
  }
}

const isClean = ({ state }: WatchedDelivery['leases'][number]): boolean => state === 'CLEAN';

/** All that can be said of a delivery as it stands; what was said before is left out by who prints. */
export function newsOf(delivery: WatchedDelivery): string[] {
  const { id, target, step, state, verification, leases } = delivery;
  return [
    `${safe(id)} → ${safe(target)}: ${state === 'running' ? safe(step) : state}`,
    ...(verification === null ? [] : [`health: ${safe(verification)}`]),
    ...leases.flatMap(({ state: held, attempts, lastError, credentials }) => [
      ...credentials.flatMap(({ as, path, issuedAt, diesAtLatest, goneAt }) => [
        ...(issuedAt === null
          ? []
          : [
              `credential ${safe(as)} (${safe(path)}) issued ${safe(issuedAt)}${diesAtLatest === null ? '' : `, dies at the latest ${safe(diesAtLatest)}`}`,
            ]),
        ...(goneAt === null || issuedAt === null
          ? []
          : [
              `credential ${safe(as)} revoked ${safe(goneAt)} (lived ${lived(issuedAt, goneAt)} s)`,
            ]),
      ]),
      ...(held === 'CLEAN' || lastError === null
        ? []
        : [`revoking failed, trying again (${attempts}): ${safe(lastError)}`]),
    ]),
  ];
}

const lived = (from: string, to: string): string =>
  ((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1);
