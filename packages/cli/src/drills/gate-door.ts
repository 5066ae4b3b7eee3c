/** What somebody tries at the gate who is one of its administrators, or has one of its processes, or a token of nonprod. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { formatId } from '@airlock/common/ids';
import { z } from 'zod';
import type { WebSession } from '../web-session.ts';
import { signedIn } from '../signed-in.ts';
import { asAccount, type Query } from './database-door.ts';
import { all, mayNot, type Drill, type Way } from './drill.ts';
import { bundleOf } from './forgery.ts';
import { knock } from './knock.ts';
import { asNonprodRoot } from './nonprod-root.ts';
import type { DrillTarget } from './target.ts';

const Seen = z.looseObject({ state: z.string(), approvals: z.looseObject({ have: z.number() }) });

/**
 * Works beside a promotion that waits for people, made of stolen keys; it and what the gate counts of deliveries must be as
 * they were, whatever was tried.
 */
async function besideAWaiting(
  target: DrillTarget,
  work: (promotion: string) => Promise<Way[]>,
): Promise<Way[]> {
  return asNonprodRoot(target, async (root) => {
    const before = await root.delivered();
    const artifact = Buffer.from(`a drill's ${randomBytes(8).toString('hex')}`);
    const commit = await root.git('rev-parse', `refs/heads/${target.repository.main}`);
    const bundle = bundleOf(await root.envelopes({ commit, artifact }));
    const { promotion, code } = await root.offer({ bundle, artifact });
    if (promotion === null) throw new Error(`no promotion waits: ${code ?? 'refused'}`);
    try {
      const ways = await work(promotion);
      const after = await root.delivered();
      const mira = await signedIn(target.gate, 'mira');
      const { state, approvals } = Seen.parse(
        await mira.getJson(`/api/v1/promotions/${promotion}`),
      );
      const held = state === 'waiting' && approvals.have === 0 && after === before;
      const answer = held ? 'waits, without an approval' : `${state}, ${approvals.have} approvals`;
      return [...ways, { way: 'the promotion after it', held, answer }];
    } finally {
      await root.discard(promotion);
    }
  });
}

const adminBypass: Drill = {
  id: 'admin-bypass',
  controls: ['V10'],
  attacker: 'gate-operator',
  attack: 'is an administrator of the platform at the gate, and approves and rejects',
  run: async (target) => {
    const oke = await signedIn(target.gate, 'oke');
    const decide = (promotion: string): string => `/api/v1/promotions/${promotion}/decisions`;
    return all(
      await besideAWaiting(target, async (promotion) => [
        await mayNot('an approval', oke.postJson(`${decide(promotion)}/options`, {})),
        await mayNot(
          'a rejection',
          oke.postJson(`/promotions/${promotion}/reject`, { reason: 'drill', version: 1 }),
        ),
      ]),
    );
  },
};

const Made = z.object({ id: z.string(), token: z.string() });

const approveByToken: Drill = {
  id: 'approve-by-token',
  controls: ['B31'],
  attacker: 'member',
  attack: 'has a release manager’s token of every scope, and begins and makes an approval with it',
  async run(target) {
    const mira = await signedIn(target.nonprod, 'mira');
    const wish = { name: 'drill', scopes: ['read', 'run'], days: 1, networks: [] };
    const { id, token } = Made.parse(await mira.postJson('/api/v1/tokens', wish));
    const headers = {
      ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      origin: target.gate,
    };
    try {
      return all(
        await besideAWaiting(target, async (promotion) => {
          const ways: Way[] = [];
          for (const path of ['decisions/options', 'decisions']) {
            const { status } = await knock(target.gate, {
              ...{ method: 'POST', path: `/api/v1/promotions/${promotion}/${path}` },
              ...{ headers, body: '{}' },
            });
            const held = status === 401 || status === 403;
            ways.push({ way: path, held, answer: String(status) });
          }
          return ways;
        }),
      );
    } finally {
      await mira.postJson(`/api/v1/tokens/${id}/revoke`, {});
    }
  },
};

/** What the pages' own account at the database may not write. */
const writes: readonly (readonly [way: string, sql: string])[] = [
  ['a delivery', 'insert into delivery default values'],
  ['a login', 'insert into minted_login default values'],
  ['a session at Vault', 'insert into vault_session default values'],
  ['what is live', 'insert into target_live default values'],
  ['the ledger', 'insert into ledger_entry default values'],
  ['an entry of the ledger', "update ledger_entry set type = 'approval.given'"],
  ['an entry away', 'delete from ledger_entry'],
  ['a person’s key', "update passkey set public_key_pem = 'x'"],
  ['an approval away', 'delete from approval'],
  ['the policy of a promotion', "update promotion set policy_digest = 'x'"],
  ['the bytes of a promotion', "update promotion set document = '{}'"],
  ['the configuration', 'insert into configuration default values'],
];

/** A passkey that nobody enrolled, and an approval by it. */
async function forgeApproval(
  query: Query,
  promotion: string,
  person: string,
  kept: Record<string, unknown> | undefined,
): Promise<void> {
  const credential = `drill-${promotion}-${person}`;
  await query(
    `insert into passkey (credential_id, person, label, public_key_pem, cose_public_key, rp_id, origin, sign_count, enrolment_digest)
     values ($1, $2, 'drill', '', '', '', '', 0, '')`,
    [credential, person],
  );
  await query(
    `insert into approval (id, promotion_id, person, decision, note, promotion_digest, statement, credential_id,
       authenticator_data, client_data_json, signature, sign_count_before, nonce)
     values ($1, $2, $3, 'approve', '', $4, '{}', $5, '\\x00', '{}', '\\x00', 0, $1)`,
    [formatId('apr', randomBytes(10)), promotion, person, kept?.['promotion_digest'], credential],
  );
}

const lyingWeb: Drill = {
  id: 'lying-web',
  controls: ['V9', 'B46'],
  attacker: 'gate-operator',
  attack:
    'has the gate’s pages and their account at the database, writes what they may not, and approvals of two people that nobody gave',
  run: async (target) =>
    all(
      await besideAWaiting(target, (promotion) =>
        asAccount(target.owned.gateWeb, async (query) => {
          const ways: Way[] = [];
          for (const [way, sql] of writes) {
            const said = await query(sql).then(() => 'written', String);
            ways.push({ way, held: said.includes('permission denied'), answer: said.slice(0, 60) });
          }
          const [kept] = await query('select promotion_digest from promotion where id = $1', [
            promotion,
          ]);
          for (const person of ['leo', 'mira']) await forgeApproval(query, promotion, person, kept);
          return ways;
        }),
      ),
    ),
};

const patienceMs = 15_000;

async function beginsApproval(mira: WebSession, promotion: string): Promise<string> {
  const asking = mira.postJson(`/api/v1/promotions/${promotion}/decisions/options`, {});
  return asking.then(() => 'begun', String);
}

async function until(look: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + patienceMs;
  while (performance.now() < end) {
    if (await look()) return true;
    await delay(250);
  }
  return false;
}

/** A file of the gate's configuration that is changed without the administrators' signatures, and put back. */
const swap = (
  id: string,
  attack: string,
  pathOf: (target: DrillTarget) => string,
  edit: (text: string) => string,
): Drill => ({
  ...{ id, controls: [], attacker: 'gate-operator', attack },
  run: async (target) =>
    all(
      await besideAWaiting(target, async (promotion) => {
        const mira = await signedIn(target.gate, 'mira');
        const stopped = async (): Promise<boolean> =>
          (await beginsApproval(mira, promotion)).includes(' answered 503');
        const path = pathOf(target);
        const file = join(target.gateConfig, path);
        const original = readFileSync(file, 'utf8');
        const edited = edit(original);
        if (edited === original) throw new Error(`${file} has nothing to change`);
        const open = !(await stopped());
        let held = false;
        try {
          writeFileSync(file, edited);
          held = await until(stopped);
        } finally {
          writeFileSync(file, original);
        }
        const back = await until(async () => !(await stopped()));
        return [
          { way: 'before it', held: open, answer: 'approvals are begun' },
          { way: path, held, answer: held ? 'nobody decides by it' : 'decided by' },
          { way: 'put back', held: back, answer: 'approvals are begun' },
        ];
      }),
    ),
});

const policySwap = swap(
  'policy-swap',
  'lowers how many people a target’s file asks for, on the gate’s disk',
  ({ deliveryTarget }) => `targets/${deliveryTarget}.yaml`,
  (text) => text.replace(/count: \d+/, 'count: 0'),
);

const rosterSwap = swap(
  'roster-swap',
  'makes a developer a release manager in the roster, on the gate’s disk',
  () => 'roster.yaml',
  (text) => text.replace('- developer', '- release-manager'),
);

export const gateDrills: readonly Drill[] = [
  adminBypass,
  approveByToken,
  lyingWeb,
  policySwap,
  rosterSwap,
];
