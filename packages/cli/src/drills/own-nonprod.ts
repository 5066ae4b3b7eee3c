/** The headline drill: somebody has root on the non-prod side, its database, its keys and its runners, and tries to ship. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { keyIdOf } from '@airlock/common/trust/signer';
import { signedIn } from '../signed-in.ts';
import { push } from './build-door.ts';
import { asAccount } from './database-door.ts';
import { all, type Drill, type Way } from './drill.ts';
import { bundleOf, sha256, type Forgery } from './forgery.ts';
import { asNonprodRoot, type NonprodRoot, type Verdict } from './nonprod-root.ts';
import type { DrillTarget } from './target.ts';
import { z } from 'zod';

const refusedWith = (way: string, code: RegExp, { outcome, code: said }: Verdict): Way => ({
  way,
  held: outcome === 'refused' && code.test(said ?? ''),
  answer: `${outcome} ${said ?? ''}`.trim(),
});

/** What is offered with every key of the signer, and why none of it is let in. */
async function forgeries(target: DrillTarget, root: NonprodRoot): Promise<Way[]> {
  const artifact = Buffer.from(`contraband ${randomBytes(8).toString('hex')}`);
  const main = await root.git('rev-parse', `refs/heads/${target.repository.main}`);
  const aside = await push(target, { files: { 'products.json': '[]\n' } });
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const selfMade = { privateKey: own.privateKey, keyid: keyIdOf(own.publicKey) };
  const pipelineBlob = await root.git('rev-parse', `${main}:.woodpecker.yaml`);
  const tried: readonly (readonly [
    way: string,
    code: RegExp,
    forgery: Omit<Forgery, 'artifact'>,
  ])[] = [
    ['a branch signed as main', /^E_GIT_UNKNOWN$/, { commit: aside }],
    ['a branch that says so', /^E_REF$/, { commit: aside, ref: 'refs/heads/drill' }],
    [
      'the builder of pull requests as main',
      /^E_BUILDER_ID$/,
      { commit: main, signer: root.stolen.pr },
    ],
    ['a key of its own making', /^E_/, { commit: main, signer: selfMade }],
    [
      'a commit that nobody has',
      /^E_GIT_UNKNOWN$/,
      { commit: 'c0ffee'.padEnd(40, '0'), pipelineBlob },
    ],
    [
      'another pipeline file',
      /^E_PIPELINE_DIGEST$/,
      { commit: main, pipelineBlob: 'b'.repeat(40) },
    ],
    ['another plan', /^E_/, { commit: main, planDigest: 'b'.repeat(64) }],
  ];
  const ways: Way[] = [];
  for (const [way, code, forgery] of tried) {
    ways.push(refusedWith(way, code, await root.forge({ ...forgery, artifact })));
  }
  const bundle = bundleOf(await root.envelopes({ commit: main, artifact }));
  const other = Buffer.from('other bytes than were signed');
  ways.push(
    refusedWith(
      'other bytes than were signed',
      /^E_/,
      await root.offer({ bundle, artifact: other }),
    ),
    refusedWith(
      'a row that names other bytes',
      /^E_/,
      await root.offer({ bundle, artifact, artifactDigest: sha256(other) }),
    ),
    refusedWith(
      'another target than was signed',
      /^E_/,
      await root.offer({ bundle, artifact, claimedTarget: 'prod-other' }),
    ),
    refusedWith(
      'no bundle at all',
      /^E_/,
      await root.offer({ bundle: Buffer.from('{}\n'), artifact }),
    ),
  );
  return ways;
}

/** What each password found at nonprod opens of the gate's database. */
async function passwords({ owned }: DrillTarget): Promise<Way[]> {
  const ways: Way[] = [];
  for (const account of owned.accounts) {
    const opened = await asAccount({ ...account, database: owned.gateWeb.database }, (query) =>
      query('select count(*) from promotion'),
    ).then(
      () => true,
      () => false,
    );
    const answer = opened ? 'reads promotions' : 'refused';
    ways.push({ way: `${account.user} at the gate’s database`, held: !opened, answer });
  }
  return ways;
}

const Promotion = z.looseObject({
  state: z.string(),
  approvals: z.looseObject({ have: z.number(), need: z.number() }),
});

const ownNonprod: Drill = {
  id: 'own-nonprod',
  controls: ['J3', 'J8', 'J16'],
  attacker: 'nonprod-admin',
  attack:
    'has every key, row, password and blob of nonprod, and offers the gate what is not on main, not signed, not what was signed, or approved by nobody',
  run: (target) =>
    asNonprodRoot(target, async (root) => {
      const before = await root.delivered();
      const ways = [...(await forgeries(target, root)), ...(await passwords(target))];
      // What nothing but people is in the way of: main's own commit, other bytes, all four keys.
      const artifact = Buffer.from(`signed by thieves ${randomBytes(8).toString('hex')}`);
      const commit = await root.git('rev-parse', `refs/heads/${target.repository.main}`);
      const bundle = bundleOf(await root.envelopes({ commit, artifact }));
      const { outcome, promotion } = await root.offer({ bundle, artifact });
      if (promotion === null) {
        ways.push({ way: 'all four keys', held: outcome === 'refused', answer: outcome });
      } else {
        const mira = await signedIn(target.gate, 'mira');
        const { state, approvals } = Promotion.parse(
          await mira.getJson(`/api/v1/promotions/${promotion}`),
        );
        const held = state === 'waiting' && approvals.have === 0 && approvals.need > 0;
        const answer = `${state} for ${approvals.need} people, of whom ${approvals.have} approved`;
        ways.push({ way: 'all four keys for main’s own commit', held, answer });
        ways.push(
          refusedWith('the same again', /^E_REPLAY$/, await root.offer({ bundle, artifact })),
        );
      }
      const after = await root.delivered();
      if (promotion !== null) await root.discard(promotion);
      const said = after === before ? 'none' : `${before} were, ${after} are`;
      ways.push({ way: 'deliveries, logins and sessions', held: after === before, answer: said });
      return all(ways);
    }),
};

export const ownNonprodDrills: readonly Drill[] = [ownNonprod];
