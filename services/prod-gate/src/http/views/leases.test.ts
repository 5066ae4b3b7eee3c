/** The words for credentials that end in three ways, and where each of them stands. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Frame } from '@airlock/web/views/layout';
import { renderPage } from '@airlock/web/page';
import { formatId } from '@airlock/common/ids';
import type { SessionCredential, VaultSession } from '../../app/vault-session-ports.ts';
import { entrySentence } from './ledger-page.tsx';
import { LeasePage } from './lease-page.tsx';
import { leaseState } from './words.ts';

const now = new Date('2026-11-22T10:00:00Z');
const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);

const row = (changes: Partial<SessionCredential>): SessionCredential => ({
  ...{ name: 'db', kind: 'database', path: 'database/creds/shop', ending: 'revocable' },
  ...{ leaseId: null, holder: 'v-shop-1', issuedAt: now, diesAt: at(180), goneAt: null },
  ...{ trial: null, triedAt: null },
  ...changes,
});
const database = row({ goneAt: at(0.3), trial: 'refused' });
const certificate = row({
  ...{ name: 'host-key', kind: 'ssh', path: 'ssh/sign/deploy', ending: 'ttl-only' },
  ...{ holder: 'vault-deploy' },
});
const secret = row({
  ...{ name: 'api', kind: 'kv', path: 'kv/data/prod/api', ending: 'by-hand' },
  ...{ holder: 'kv v3 of 2026-08-01', diesAt: null },
});
const session: VaultSession = {
  ...{ id: 'vse_1', deliveryId: formatId('dlv', Buffer.alloc(10, 7)), target: 'prod-eu', fence: 1 },
  ...{ state: 'CLEAN', jwtMount: 'jwt', jwtExpiresAt: at(20), deadline: at(300), accessor: null },
  ...{ createdAt: now, revokedAt: at(0.3), attempts: 1, lastError: null },
  credentials: [database, certificate, secret],
};

const words = (credential: SessionCredential, when = now, state: VaultSession['state'] = 'CLEAN') =>
  leaseState({ ...session, state }, credential, when).text;

describe('how a credential ends', () => {
  test('is said of each of the three endings', () => {
    assert.equal(words(database), 'revoked, lived 0.3 s; the target refuses it');
    assert.equal(
      words(certificate),
      'ends by itself at 2026-11-22T10:03:00Z; revocation cannot end it',
    );
    assert.equal(words(certificate, at(181)), 'ended by itself at 2026-11-22T10:03:00Z');
    assert.equal(words(secret), 'does not end by itself: replace kv/prod/api at Vault by hand');
  });

  test('claims no refusal that was not seen', () => {
    assert.equal(words({ ...database, trial: 'unknown' }), 'revoked, lived 0.3 s');
    assert.equal(words({ ...database, trial: null }), 'revoked, lived 0.3 s');
  });

  test('of a login that works after its revocation is that it works', () => {
    const text = words({ ...database, goneAt: null, trial: 'works' }, now, 'REVOKE_PENDING');
    assert.match(text, /^still works at the target; Vault ends it at the latest 2026-11-22T10:03/);
  });
});

describe('the page of leases', () => {
  const page = (changes: Partial<VaultSession> = {}, when = now): string =>
    renderPage(LeasePage({ frame, sessions: [{ ...session, ...changes }], now: when, seen: '' }));
  const parts = (html: string): { live: string; past: string } => {
    const [live = '', past = ''] = html.slice(html.indexOf('>Live')).split('>Past');
    return { live, past };
  };

  test('calls live what still opens something and ends by itself, until it has', () => {
    const { live, past } = parts(page());
    assert.ok(live.includes('host-key') && !live.includes('database/creds'));
    assert.ok(past.includes('database/creds') && past.includes('kv/data'));
    assert.ok(parts(page({}, at(181))).past.includes('host-key'));
  });

  test('says on top which target is held, by what, and what to look at', () => {
    assert.doesNotMatch(page(), /takes no delivery/);
    const html = page({ state: 'REVOKE_PENDING', attempts: 3, lastError: 'Vault is sealed' });
    assert.match(html, /prod-eu takes no delivery\./);
    assert.match(html, /session vse_1\) is not proven gone after 3 attempts/);
    assert.match(html, /Vault is sealed/);
  });
});

test('the ledger tells each credential by kind and name, and what goes on after revocation', () => {
  const say = (type: 'credential.issued' | 'credential.revoked', refs: Record<string, string>) =>
    entrySentence({
      ...{ v: 1, type, at: '', actor: 'gate', subjectDigest: '' },
      refs: { delivery: 'dlv_1', ...refs },
    });
  assert.equal(
    say('credential.issued', { as: 'db', kind: 'database', ending: 'revocable' }),
    'gate got the database credential db for delivery dlv_1',
  );
  assert.equal(
    say('credential.issued', { as: 'web', kind: 'ssh', ending: 'ttl-only', diesAt: 'T' }),
    'gate got the ssh credential web for delivery dlv_1, which ends by itself at T',
  );
  assert.equal(
    say('credential.issued', { as: 'api', kind: 'kv', ending: 'by-hand' }),
    'gate got the kv credential api for delivery dlv_1, which does not end by itself',
  );
  assert.equal(
    say('credential.revoked', { refused: 'db', outlives: 'web,api' }),
    'gate saw everything revocable of delivery dlv_1 gone, and the target refuse db; web,api ends by itself or by hand',
  );
});

const frame: Frame = {
  service: 'gate',
  viewer: null,
  csrfToken: 'token',
  path: '/leases',
  nav: [],
  assets: { directory: '/assets', url: (name) => `/assets/${name}` },
  version: '0.0.0',
  footer: [],
};
