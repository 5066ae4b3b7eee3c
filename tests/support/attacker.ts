/**
 * An attacker with root on the non-prod side: holds every signing key of the signer, writes nonprod's database and artifact
 * store as they please, and holds the TLS key of the outbox. What they cannot do is sign as a release manager or write to the
 * gate.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import {
  createForger,
  type Forger,
  type Offer,
  type StolenKeys,
} from '@airlock/cli/drills/forgery';
import type { SigningKey } from '@airlock/common/dsse/sign';
import { keyIdOf } from '@airlock/common/trust/signer';
import { until } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { gitIn } from './git.ts';

export interface Judgement {
  readonly seq: number;
  readonly outcome: 'admitted' | 'refused';
  readonly code: string | null;
  readonly detail: string | null;
  readonly promotionId: string | null;
}

export interface Attacker extends Forger {
  /** Publishes and waits for the gate's verdict. */
  offer(offer: Offer): Promise<Judgement>;
  verdictOn(seq: number): Promise<Judgement>;
}

export const signingKey = (privateKey: KeyObject, keyid: string): SigningKey => ({
  keyid,
  privateKey,
});

export async function attackerOn(pair: Pair): Promise<Attacker> {
  const steal = (name: keyof StolenKeys): SigningKey => {
    const { key } = pair.keys.signing[name];
    return signingKey(createPrivateKey(key.privateKeyPem), key.keyid);
  };
  const forger = await createForger({
    ...{ nonprodOrigin: pair.nonprodOrigin, repositoryUrl: pair.repository.url, target },
    artifactsDirectory: join(pair.layout.artifacts, 'nonprod'),
    stolen: {
      ...{ main: steal('main'), pr: steal('pr') },
      ...{ test: steal('test'), promotion: steal('promotion') },
    },
    git: (...args) => gitIn(pair, ...args),
    query: (text, values) => pair.query('nonprod', text, values),
  });
  const attacker: Attacker = {
    ...forger,

    verdictOn: (seq) =>
      until(`the gate's verdict on item ${seq}`, 20, async () => {
        const [row] = await pair.query<
          Omit<Judgement, 'promotionId' | 'seq'> & { id: string | null }
        >(
          'gate',
          'select outcome, code, detail, promotion_id as id from intake_item where seq = $1',
          [seq],
        );
        return row === undefined
          ? null
          : {
              seq,
              outcome: row.outcome,
              code: row.code,
              detail: row.detail,
              promotionId: row.id,
            };
      }),

    async offer(offer) {
      return attacker.verdictOn(await attacker.publish(offer));
    },
  };
  return attacker;
}

/** A key that no gate pins. */
export const selfMadeKey = (privateKey: KeyObject, publicKey: KeyObject): SigningKey =>
  signingKey(privateKey, keyIdOf(publicKey));
