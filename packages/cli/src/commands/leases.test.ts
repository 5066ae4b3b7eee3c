import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Command } from 'commander';
import { CliError } from '../exit-codes.ts';
import { chosenLeases, leaseLines, registerLeases, type LeaseSession } from './leases.ts';

const credential = (change: Partial<LeaseSession['credentials'][number]> = {}) => ({
  as: 'db',
  kind: 'database',
  path: 'database/creds/shop-prod-eu',
  ending: 'revocable' as const,
  holder: 'v-jwt-shop-1',
  issuedAt: '2026-11-22T12:00:00.000Z',
  diesAtLatest: '2026-11-22T12:03:00.000Z',
  goneAt: '2026-11-22T12:00:00.270Z',
  trial: null,
  ...change,
});
const session = (
  change: Partial<LeaseSession> = {},
  credentials = [credential()],
): LeaseSession => ({
  delivery: 'dlv_0000000001',
  target: 'shop-prod-eu',
  state: 'CLEAN',
  attempts: 1,
  lastError: null,
  credentials,
  ...change,
});
const now = new Date('2026-11-22T12:10:00Z');
const lines = (...given: LeaseSession[]): string =>
  leaseLines(given, { now, live: false }).join('\n');

describe('airlock leases', () => {
  test('says of what was revoked how long it lived', () => {
    const shown = lines(session());
    assert.match(shown, /dlv_0000000001 → shop-prod-eu {2}\(CLEAN\)/);
    assert.match(shown, /db {2}database {2}database\/creds\/shop-prod-eu {2}known as v-jwt-shop-1/);
    assert.match(shown, /issued 2026-11-22T12:00:00Z {2}dies at the latest 2026-11-22T12:03:00Z/);
    assert.match(shown, /revoked, lived 0\.27 s/);
  });

  test('calls nothing revoked that only dies by itself, or does not', () => {
    const cloud = credential({ kind: 'aws', ending: 'ttl-only', goneAt: null });
    assert.match(
      lines(session({}, [cloud])),
      /ended by itself at .*12:03:00Z; revocation could not/,
    );
    const later = { ...cloud, diesAtLatest: '2026-11-22T12:15:00.000Z' };
    assert.match(
      lines(session({}, [later])),
      /ends by itself at .*12:15:00Z; revocation cannot end it/,
    );
    const key = credential({
      ...{ kind: 'kv', ending: 'by-hand', path: 'kv/data/prod/api' },
      ...{ diesAtLatest: null, goneAt: null },
    });
    assert.match(lines(session({}, [key])), /replace kv\/prod\/api at Vault by hand/);
    assert.ok(!lines(session({}, [cloud, later, key])).includes('revoked, lived'));
  });

  test('says what holds a target, and who does something about it', () => {
    const pending = session(
      { state: 'REVOKE_PENDING', attempts: 3, lastError: 'Vault answered 503\u001b[2J' },
      [credential({ goneAt: null })],
    );
    const shown = lines(pending);
    assert.match(shown, /revocation not proven yet/);
    assert.match(
      shown,
      /after 3 attempts; shop-prod-eu takes no delivery.*within 10 s\n {4}Vault answered 503/,
    );
    assert.ok(!shown.includes('\u001b'));
  });

  test('says what the target said of a login after its revocation', () => {
    assert.match(
      lines(session({}, [credential({ trial: 'refused' })])),
      /0\.27 s; the target refuses it$/,
    );
    assert.match(lines(session({}, [credential({ trial: 'unknown' })])), /lived 0\.27 s$/);
    const works = credential({ goneAt: null, trial: 'works' });
    assert.match(lines(session({ state: 'REVOKE_PENDING' }, [works])), /still works at the target/);
  });

  test('counts as living what has not ended, but for what only a person ends', () => {
    const ended = credential({ kind: 'aws', ending: 'ttl-only', goneAt: null });
    const lives = { ...ended, diesAtLatest: '2026-11-22T12:15:00.000Z' };
    const key = credential({ kind: 'kv', ending: 'by-hand', diesAtLatest: null, goneAt: null });
    const [left] = chosenLeases([session({}, [ended, lives, key])], { live: true }, now);
    assert.deepEqual(left?.credentials, [lives]);
    assert.deepEqual(chosenLeases([session({}, [ended, key])], { live: true }, now), []);
  });

  test('says so when there is nothing', () => {
    assert.deepEqual(leaseLines([], { now, live: true }), [
      'No live leases. That is the normal state.',
    ]);
  });

  test('takes a target of which it knows nothing for no proof that nothing lives', () => {
    const asked = { now, live: true, target: 'shop-prod-ue' };
    const [line, ...more] = leaseLines([], { ...asked, anyOfTarget: false });
    assert.match(line ?? '', /^Nothing of target shop-prod-ue is among .*Is that its name/);
    assert.deepEqual(more, []);
    assert.match(leaseLines([], { ...asked, anyOfTarget: true })[0] ?? '', /No live leases/);
  });

  test('an id that is no delivery’s is refused before anything is sent', async () => {
    const program = new Command('airlock').exitOverride();
    registerLeases(program, () => {});
    await assert.rejects(
      program.parseAsync(['leases', '--delivery', '../x'], { from: 'user' }),
      (error) => error instanceof CliError && /ids look like dlv_/.test(error.message),
    );
  });
});
