/**
 * Somebody writes the gate's disk, or is one administrator of two: the gate stops and says why, and nothing is decided by what
 * a quorum did not sign. And the way people go: a key is rotated, and one that was stolen is distrusted.
 */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bundleOf } from '@airlock/cli/drills/forgery';
import { signingKeyOf } from '@airlock/cli/setup/administrators';
import { signConfiguration } from '@airlock/cli/setup/signed-configuration';
import { createSigningKey, type NewSigningKey } from '@airlock/cli/setup/signing-keys';
import { formatTimestamp } from '@airlock/common/time';
import {
  distrustSigner,
  rotateSigner,
  TrustFile,
  type TrustFileRow,
} from '@airlock/common/trust/trust-file';
import { approveAs, until, waitForEnd } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { parse, stringify } from 'yaml';
import { attackerOn, signingKey } from '../support/attacker.ts';
import { gitIn } from '../support/git.ts';
import { at, type Config } from '../support/own-process.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';
import { assertWaits, detailsOf, discard, waitingPromotion } from '../support/promotion.ts';

/** The deliverer looks every second; what is not delivered in three is not delivered. */
const patience = 3;

let pair: Pair;
before(async () => {
  pair = await runningPair();
});

const inForce = (path: string): string => join(pair.layout.gateConfig, path);
const trustIn = (directory: string): TrustFile =>
  TrustFile.parse(JSON.parse(readFileSync(join(directory, 'trust.json'), 'utf8')));
const writeTrust = (directory: string, file: TrustFile): void => {
  writeFileSync(join(directory, 'trust.json'), JSON.stringify(file, null, 2));
};

/** Runs `work` while the configuration directory is otherwise, and puts every byte of it back. */
async function withDisk(
  change: () => void | Promise<void>,
  work: () => Promise<void>,
): Promise<void> {
  const saved = join(pair.layout.work, 'saved-configuration');
  const hooks = inForce('hooks');
  cpSync(pair.layout.gateConfig, saved, { recursive: true, filter: (from) => from !== hooks });
  try {
    await change();
    await work();
  } finally {
    cpSync(saved, pair.layout.gateConfig, { recursive: true, force: true });
    rmSync(saved, { recursive: true });
  }
}

/** What a process of the gate says in its log from now on, until it says `expected`. */
function nextWords(name: 'gate-intake' | 'gate-deliverer' | 'gate-authority', expected: RegExp) {
  const file = join(pair.layout.logs, `${name}.log`);
  const from = readFileSync(file).length;
  return until(`${name} to say ${expected.source}`, 15, () => {
    const words = readFileSync(file).subarray(from).toString('utf8');
    return Promise.resolve(expected.test(words) ? words : null);
  });
}

async function configurationInLedger(): Promise<number> {
  const [row] = await pair.query<{ count: string }>(
    'gate',
    `select count(*)::text as count from ledger_entry where type = 'configuration.changed'`,
  );
  return Number(row?.count ?? 0);
}

describe('root on a host of the gate', () => {
  let promotion: string;
  before(async () => {
    promotion = await waitingPromotion(pair);
    await approveAs(pair, 'leo', promotion);
  });
  after(() => discard(pair, promotion));

  for (const [what, path, edit] of [
    [
      'lowers the approvals of the target file',
      `targets/${target}.yaml`,
      (text: string) => text.replace('count: 2', 'count: 1'),
    ],
    [
      'makes a developer a release manager in the roster',
      'roster.yaml',
      (text: string) => text.replace('- developer', '- release-manager'),
    ],
  ] as const) {
    test(`who ${what} gets nothing delivered, and every process names the file: E_CONFIGURATION_FILE`, async () => {
      const original = readFileSync(inForce(path), 'utf8');
      assert.notEqual(edit(original), original);
      const said = new RegExp(`E_CONFIGURATION_FILE: [^"]*${path.replaceAll('.', '\\.')}`);
      await withDisk(
        () => {
          writeFileSync(inForce(path), edit(original));
        },
        () =>
          withoutDelivery(
            pair,
            async () => {
              await Promise.all([
                nextWords('gate-intake', said),
                nextWords('gate-deliverer', said),
              ]);
              // Nobody decides on a page whose roster is not the signed one.
              await assert.rejects(approveAs(pair, 'mira', promotion), /503|configuration/i);
            },
            patience,
          ),
      );
      assert.equal((await detailsOf(pair, promotion)).state, 'waiting');
    });
  }

  test('who pins a key of their own has nothing admitted: E_CONFIGURATION_FILE', async () => {
    const own = createSigningKey('ecdsa-p256-sha256');
    const attacker = await attackerOn(pair);
    const artifact = Buffer.from('not from main');
    const signer = signingKey(createPrivateKey(own.privateKeyPem), own.keyid);
    const commit = await gitIn(pair, 'rev-parse', 'refs/heads/main');
    const bundle = bundleOf(await attacker.envelopes({ commit, artifact, signer }));
    await withDisk(
      () => {
        const file = trustIn(pair.layout.gateConfig);
        writeTrust(pair.layout.gateConfig, { ...file, signers: [...file.signers, rowFor(own)] });
      },
      async () => {
        const seq = await attacker.publish({ bundle, artifact });
        await nextWords('gate-intake', /E_CONFIGURATION_FILE: [^"]*trust\.json/);
        const judged = await pair.query('gate', 'select 1 from intake_item where seq = $1', [seq]);
        assert.deepEqual(judged, [], 'nothing is judged by such a trust store');
        pending = seq;
      },
    );
    const judgement = await attacker.verdictOn(pending);
    assert.deepEqual([judgement.outcome, judgement.code], ['refused', 'E_KEY_UNKNOWN']);
  });
  let pending = 0;

  test('one administrator alone changes nothing: E_CONFIGURATION_QUORUM', async () => {
    const [ada] = pair.keys.administrators;
    assert.ok(ada);
    await withDisk(
      async () => {
        const file = inForce(`targets/${target}.yaml`);
        writeFileSync(file, readFileSync(file, 'utf8').replace('count: 2', 'count: 1'));
        await signConfiguration(pair.layout.gateConfig, [signingKeyOf(ada.key)]);
      },
      () =>
        withoutDelivery(
          pair,
          async () => {
            const said = /E_CONFIGURATION_QUORUM: [^"]*1 of 2 administrators signed/;
            await Promise.all([nextWords('gate-intake', said), nextWords('gate-deliverer', said)]);
          },
          patience,
        ),
    );
  });

  test('who puts an older configuration back, signatures and all, is refused: E_CONFIGURATION_ROLLBACK', async () => {
    const older = join(pair.layout.work, 'older-configuration');
    const hooks = inForce('hooks');
    cpSync(pair.layout.gateConfig, older, { recursive: true, filter: (from) => from !== hooks });
    const entries = await configurationInLedger();
    // A release manager leaves, or a key is distrusted: what the attacker wants undone.
    await pair.editConfiguration((directory) => {
      const file = join(directory, `targets/${target}.yaml`);
      writeFileSync(file, `${readFileSync(file, 'utf8')}# one more\n`);
    });
    await until('the new configuration in the ledger', 15, async () =>
      (await configurationInLedger()) > entries ? true : null,
    );
    await until('the promotion under it', 15, async () =>
      (await detailsOf(pair, promotion)).approvals.have === 0 ? true : null,
    );
    await withDisk(
      () => {
        cpSync(older, pair.layout.gateConfig, { recursive: true, force: true });
      },
      () =>
        withoutDelivery(
          pair,
          async () => {
            await nextWords('gate-intake', /E_CONFIGURATION_ROLLBACK/);
            await until('the page to say so', 15, async () =>
              (await detailsOf(pair, promotion)).verdict.codes.includes('E_CONFIGURATION_ROLLBACK')
                ? true
                : null,
            );
            await Promise.allSettled([
              approveAs(pair, 'leo', promotion),
              approveAs(pair, 'mira', promotion),
            ]);
          },
          patience,
        ),
    );
    rmSync(older, { recursive: true });
  });
});

describe('signers', () => {
  test('a key that is distrusted after an approval delivers nothing any more: E_KEY_REVOKED', async () => {
    const promotion = await waitingPromotion(pair);
    await approveAs(pair, 'leo', promotion);
    const { keyid } = pair.keys.signing.main.key;
    let trusted: TrustFile | undefined;
    await pair.editConfiguration((directory) => {
      trusted = trustIn(directory);
      writeTrust(directory, distrustSigner(trusted, keyid, new Date()));
    });
    await withoutDelivery(pair, () => approveAs(pair, 'mira', promotion), patience);
    await assertWaits(pair, promotion, { code: 'E_KEY_REVOKED', have: 2 });
    // It was a false alarm, and two administrators say so.
    await pair.editConfiguration((directory) => {
      assert.ok(trusted);
      writeTrust(directory, trusted);
    });
    assert.equal((await waitForEnd(pair, promotion)).state, 'live');
  });

  test('a key is rotated without a gap: both sign, the old one ends, and what is built then is delivered', async () => {
    const next = createSigningKey('ecdsa-p256-sha256');
    const nextFile = join(pair.layout.keys, 'signer', 'next.pem');
    writeFileSync(nextFile, next.privateKeyPem, { mode: 0o600 });
    const old = pair.keys.signing.main;
    const now = new Date();
    const notAfter = new Date(now.getTime() + 86_400_000);
    await pair.editConfiguration((directory) => {
      const change = { key: rowFor(next), now, overlapSeconds: 3600, notAfter };
      writeTrust(directory, rotateSigner(trustIn(directory), old.key.keyid, change));
    });
    await signWith([old.keyFile, nextFile]);
    const during = await waitingPromotion(pair);
    assert.deepEqual(await keysOf(during), [old.key.keyid, next.keyid].sort());
    const { have } = (await detailsOf(pair, during)).approvals;
    assert.equal(have, 0);

    // The overlap is over: first the signer lets go of the old key, then its row has ended.
    await signWith([nextFile]);
    await pair.editConfiguration((directory) => {
      const file = trustIn(directory);
      // A time has whole seconds: the current one began before the bundle came, and would end the key too early.
      const notAfter = formatTimestamp(new Date(Date.now() + 1000));
      const end = (row: TrustFileRow): TrustFileRow =>
        row.keyid === old.key.keyid ? { ...row, notAfter } : row;
      writeTrust(directory, { ...file, signers: file.signers.map(end) });
    });
    for (const person of ['leo', 'mira']) await approveAs(pair, person, during);
    assert.equal((await waitForEnd(pair, during)).state, 'live', 'received while both counted');
    const later = await waitingPromotion(pair);
    assert.deepEqual(await keysOf(later), [next.keyid]);
    for (const person of ['leo', 'mira']) await approveAs(pair, person, later);
    assert.equal((await waitForEnd(pair, later)).state, 'live');

    // The stolen old key signs nothing that passes.
    const attacker = await attackerOn(pair);
    const artifact = Buffer.from('signed with the old key');
    const commit = await gitIn(pair, 'rev-parse', 'refs/heads/main');
    const judgement = await attacker.offer({
      bundle: bundleOf(await attacker.envelopes({ commit, artifact })),
      artifact,
    });
    assert.equal(judgement.code, 'E_KEY_EXPIRED', judgement.detail ?? '');

    await pair.editConfiguration((directory) => {
      const file = trustIn(directory);
      const signers = file.signers
        .filter(({ keyid }) => keyid !== next.keyid)
        .map((row) =>
          row.keyid === old.key.keyid ? { ...row, notAfter: formatTimestamp(notAfter) } : row,
        );
      writeTrust(directory, { ...file, signers });
    });
    await signWith([old.keyFile]);
  });
});

const rowFor = ({ keyid, publicKeyPem, alg }: NewSigningKey): TrustFileRow => ({
  ...{ keyid, publicKeyPem, alg, roles: ['provenance'], adminDomain: 'nonprod' },
  builderIds: [`${pair.nonprodOrigin}/builders/main@v1`],
  notBefore: '2026-01-01T00:00:00Z',
  notAfter: '2100-01-01T00:00:00Z',
});

/** Restarts the signer with these files for provenance of main. */
async function signWith(files: readonly string[]): Promise<void> {
  const path = join(pair.layout.config, 'signer.yaml');
  // Written by the pair itself.
  const config = parse(readFileSync(path, 'utf8')) as Config;
  at(config, 'keys')['main'] = files.length === 1 ? files[0] : [...files];
  writeFileSync(path, stringify(config));
  await pair.process('signer').stop();
  await pair.start('signer');
}

async function keysOf(promotion: string): Promise<string[]> {
  const [row] = await pair.query<{ key_ids: string[] }>(
    'gate',
    'select key_ids from promotion where id = $1',
    [promotion],
  );
  return [...(row?.key_ids ?? [])].sort();
}
