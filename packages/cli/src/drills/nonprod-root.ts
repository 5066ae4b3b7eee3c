/** The door of whoever has root on the non-prod side: its keys, its database, its store; and what the gate makes of it. */
import { execFile } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { keyIdOf } from '@airlock/common/trust/signer';
import { z } from 'zod';
import { asAccount, type Query } from './database-door.ts';
import { bundleOf, createForger, type Forger, type Forgery, type Offer } from './forgery.ts';
import type { DrillTarget } from './target.ts';

const execute = promisify(execFile);
const patienceMs = 30_000;
/** The deliverer looks every second; what is not delivered in three is not delivered. */
const settleMs = 3_000;

const Verdict = z.object({
  outcome: z.enum(['admitted', 'refused']),
  code: z.string().nullable(),
  promotion: z.string().nullable(),
});
export type Verdict = z.infer<typeof Verdict>;

const Delivered = z.array(z.looseObject({ counts: z.string() }));

export interface NonprodRoot extends Forger {
  git(...args: readonly string[]): Promise<string>;
  /** At nonprod, whose owner this is. */
  readonly query: Query;
  /** What the gate says of an offer. @throws when it says nothing within half a minute. */
  offer(offer: Offer): Promise<Verdict>;
  /** The same of evidence for these bytes. */
  forge(forgery: Forgery): Promise<Verdict>;
  /** Takes a promotion away that a drill leaves waiting, with what was forged for it. */
  discard(promotion: string): Promise<void>;
  /** Deliveries, logins and sessions that there are at the gate, three seconds from now. */
  delivered(): Promise<string>;
}

export async function asNonprodRoot<T>(
  target: DrillTarget,
  work: (root: NonprodRoot) => Promise<T>,
): Promise<T> {
  const { superuser, accounts, artifactsDirectory, signingKeyFiles } = target.owned;
  const database = accounts[0]?.database ?? '';
  return asAccount({ ...superuser, database }, (query) =>
    // The gate's record is read, as an observer of the attack does, and written to only to clear up.
    asAccount(superuser, async (atGate) => {
      const git = async (...args: readonly string[]): Promise<string> => {
        const { stdout } = await execute('git', ['-C', target.repository.bareDirectory, ...args]);
        return stdout.trim();
      };
      const forger = await createForger({
        ...{ nonprodOrigin: target.nonprod, repositoryUrl: target.repository.url },
        ...{ target: target.deliveryTarget, artifactsDirectory, git },
        stolen: {
          ...{ main: stolen(signingKeyFiles.main), pr: stolen(signingKeyFiles.pr) },
          ...{ test: stolen(signingKeyFiles.test), promotion: stolen(signingKeyFiles.promotion) },
        },
        query,
      });
      const offer = async (made: Offer): Promise<Verdict> => {
        const seq = await forger.publish(made);
        const until = performance.now() + patienceMs;
        while (performance.now() < until) {
          const [row] = await atGate(
            'select outcome, code, promotion_id as promotion from intake_item where seq = $1',
            [seq],
          );
          if (row !== undefined) return Verdict.parse(row);
          await delay(200);
        }
        throw new Error(`the gate said nothing of item ${seq} within half a minute`);
      };
      return work({
        ...{ ...forger, git, query, offer },
        async forge(forgery) {
          const bundle = bundleOf(await forger.envelopes(forgery));
          return offer({ bundle, artifact: forgery.artifact });
        },
        async discard(promotion) {
          await atGate(`delete from approval where promotion_id = $1`, [promotion]);
          await atGate(`delete from passkey where credential_id like 'drill-' || $1 || '-%'`, [
            promotion,
          ]);
          await atGate(
            `update promotion set state = 'rejected', state_reason = 'left behind by a drill', state_changed_at = now()
             where id = $1 and state = 'waiting'`,
            [promotion],
          );
        },
        async delivered() {
          await delay(settleMs);
          const [counted] = Delivered.parse(
            await atGate(
              `select concat_ws('/', (select count(*) from delivery), (select count(*) from minted_login),
                 (select count(*) from vault_session)) as counts`,
            ),
          );
          return counted?.counts ?? '';
        },
      });
    }),
  );
}

function stolen(file: string): Forger['stolen']['main'] {
  const privateKey = createPrivateKey(readFileSync(file));
  return { privateKey, keyid: keyIdOf(createPublicKey(privateKey)) };
}
