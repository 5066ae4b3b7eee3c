/**
 * Whoever owns the git server, or the gate's database, with every key of non-prod in hand: what is signed by nobody the roster
 * lists is not taken in, a lowered row makes nothing deliverable again, and a rewritten main stops everything of its repository.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bundleOf } from '@airlock/cli/drills/forgery';
import { approveAs, until, waitForEnd } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import { parseDocument } from 'yaml';
import { attackerOn, type Judgement } from '../support/attacker.ts';
import { gitIn } from '../support/git.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';
import { detailsOf, discard, waitingPromotion } from '../support/promotion.ts';

const keys = mkdtempSync(join(tmpdir(), 'airlock-stranger-'));
after(() => {
  rmSync(keys, { recursive: true, force: true });
});

const main = 'refs/heads/main';
/** The deliverer looks every second; what is not delivered in three is not delivered. */
const patience = 3;

/** Puts a commit on main as who has a shell on the git server does. */
async function pushByHand(pair: Pair, ...signing: readonly string[]): Promise<string> {
  const head = await gitIn(pair, 'rev-parse', main);
  const commit = await gitIn(
    pair,
    ...['-c', 'gpg.format=ssh', 'commit-tree', ...signing],
    ...[`${head}^{tree}`, '-p', head, '-m', 'Pushed by hand'],
  );
  await gitIn(pair, 'update-ref', main, commit, head);
  return commit;
}

async function offerBuildOf(pair: Pair, commit: string, what: string): Promise<Judgement> {
  const attacker = await attackerOn(pair);
  const artifact = Buffer.from(what);
  const bundle = bundleOf(await attacker.envelopes({ commit, artifact }));
  return withoutDelivery(pair, () => attacker.offer({ bundle, artifact }));
}

test('an unsigned commit that the git server put on main is refused: E_GIT_UNSIGNED', async () => {
  const pair = await runningPair();
  const judgement = await offerBuildOf(pair, await pushByHand(pair), 'unsigned');
  assert.equal(judgement.code, 'E_GIT_UNSIGNED', judgement.detail ?? '');
  assert.match(judgement.detail ?? '', /carries no signature/);
});

test('a commit signed by a key that the roster does not list is refused: E_GIT_UNSIGNED', async () => {
  const pair = await runningPair();
  const key = join(keys, 'stranger');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const judgement = await offerBuildOf(pair, await pushByHand(pair, `-S${key}`), 'by a stranger');
  assert.equal(judgement.code, 'E_GIT_UNSIGNED', judgement.detail ?? '');
  assert.match(judgement.detail ?? '', /SHA256:\S+, which commitKeys does not list/);
});

test('the commit of an admitted promotion is kept, and ssh-keygen alone verifies it', async () => {
  const pair = await runningPair();
  const promotion = await waitingPromotion(pair);
  const [entry] = await until('the admission in the ledger', 10, async () => {
    const rows = await pair.query<{ digest: string }>(
      'gate',
      `select convert_from(body, 'UTF8')::jsonb -> 'refs' ->> 'commitObject' as digest from ledger_entry
       where type = 'bundle.admitted' and convert_from(body, 'UTF8')::jsonb -> 'refs' ->> 'promotion' = $1`,
      [promotion],
    );
    return rows.length === 0 ? null : rows;
  });
  assert.ok(entry);
  const object = readFileSync(join(pair.layout.artifacts, 'gate/blobs/sha256', entry.digest));
  const text = object.toString('latin1');
  const header = /\ngpgsig ((?:.+\n)(?: .*\n)*)/.exec(text);
  assert.ok(header?.[1] !== undefined);
  writeFileSync(join(keys, 'commit.sig'), header[1].replaceAll('\n ', '\n'));
  writeFileSync(join(keys, 'allowed'), `forge ${pair.keys.forge.row.key}\n`);
  const arguments_ = ['-Y', 'verify', '-f', join(keys, 'allowed'), '-I', 'forge', '-n', 'git'];
  const said = execFileSync('ssh-keygen', [...arguments_, '-s', join(keys, 'commit.sig')], {
    input: Buffer.from(text.replace(header[0], '\n'), 'latin1'),
    encoding: 'utf8',
  });
  assert.match(said, /Good "git" signature for forge/);
  await discard(pair, promotion);
});

test('a lowered row of what is live makes nothing deliverable: E_LIVE_DIFFERS', async () => {
  const pair = await runningPair();
  const delivered = await waitingPromotion(pair);
  for (const person of ['leo', 'mira']) await approveAs(pair, person, delivered);
  assert.equal((await waitForEnd(pair, delivered)).state, 'live');
  const promotion = await waitingPromotion(pair);
  const [row] = await pair.query('gate', 'select * from target_live');
  assert.ok(row);
  try {
    await withoutDelivery(
      pair,
      async () => {
        await pair.query('gate', 'update target_live set main_position = 1');
        await approveAs(pair, 'leo', promotion);
        await Promise.allSettled([approveAs(pair, 'mira', promotion)]);
      },
      patience,
    );
    const { state, verdict } = await detailsOf(pair, promotion);
    assert.equal(state, 'waiting');
    assert.ok(verdict.codes.includes('E_LIVE_DIFFERS'), verdict.codes.join(', '));
  } finally {
    await pair.query('gate', 'update target_live set main_position = $1', [row['main_position']]);
  }
  await discard(pair, promotion);
});

test('a rewritten main freezes its repository until the administrators accept a main', async () => {
  const pair = await runningPair();
  const promotion = await waitingPromotion(pair);
  const head = await gitIn(pair, 'rev-parse', main);
  await withoutDelivery(
    pair,
    async () => {
      const other = await gitIn(
        pair,
        ...['commit-tree', `${head}^{tree}`, '-p', `${head}~1`, '-m', 'Another past'],
      );
      await gitIn(pair, 'update-ref', main, other, head);
      await until('the freeze', 20, async () => {
        const rows = await pair.query('gate', 'select 1 from repository_freeze');
        return rows.length === 0 ? null : rows;
      });
      // The git server says that nothing happened, and somebody with the database helps.
      await gitIn(pair, 'update-ref', main, head, other);
      await until('the freeze in the ledger', 10, async () => {
        const rows = await pair.query(
          'gate',
          "select 1 from ledger_entry where type = 'repository.frozen'",
        );
        return rows.length === 0 ? null : rows;
      });
      await pair.query('gate', 'delete from repository_freeze');
      for (const person of ['leo', 'mira']) {
        await Promise.allSettled([approveAs(pair, person, promotion)]);
      }
    },
    patience,
  );
  const { state, verdict } = await detailsOf(pair, promotion);
  assert.equal(state, 'waiting');
  assert.ok(verdict.codes.includes('E_REPOSITORY_FROZEN'), verdict.codes.join(', '));
  const log = readFileSync(join(pair.layout.logs, 'gate-intake.log'), 'utf8');
  assert.match(log, /"log.level":"error".*"repository\.frozen"/);
  await discard(pair, promotion);

  await pair.editConfiguration((directory) => {
    const file = join(directory, 'roster.yaml');
    const acceptedMains = [{ repository: pair.repository.url, from: head, to: head }];
    // Comments stay: the first line names the file's schema.
    const roster = parseDocument(readFileSync(file, 'utf8'));
    roster.set('acceptedMains', roster.createNode(acceptedMains));
    writeFileSync(file, roster.toString());
  });
  await until('the release in the ledger', 30, async () => {
    const rows = await pair.query(
      'gate',
      "select 1 from ledger_entry where type = 'repository.released'",
    );
    return rows.length === 0 ? null : rows;
  });
  const next = await waitingPromotion(pair);
  const after = await detailsOf(pair, next);
  assert.ok(!after.verdict.codes.includes('E_REPOSITORY_FROZEN'), after.verdict.codes.join(', '));
  await discard(pair, next);
});
