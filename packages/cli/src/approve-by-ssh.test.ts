import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { approvalStatement } from '@airlock/common/approval/statement';
import { promotionDigest, promotionDocument } from '@airlock/common/promotion/document';
import { describeStatement, hardwareSigner, softwareSigner } from './approve-by-ssh.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-approve-by-ssh-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const hex = (digit: string): string => digit.repeat(64);
const facts = {
  gate: 'https://gate.example',
  promotion: 'prm_0123456789',
  target: 'prod-eu',
  release: '2026.11.22-1',
  repository: 'https://git.example/org/app',
  commit: 'c'.repeat(40),
  position: 7,
  subject: 'app.tar.gz',
  artifact: hex('a'),
  bundle: hex('b'),
  provenance: hex('d'),
  policy: hex('e'),
  hook: `load-release@sha256:${hex('f')}`,
  params: { table: 'orders\u202e' },
  roster: hex('1'),
  base: { commit: 'b'.repeat(40), release: '2026.11.19-1' },
  delta: hex('2'),
  requester: 'dana@idp.example',
  requestedAt: '2026-11-22T10:00:00Z',
  notAfter: '2026-11-23T10:00:00Z',
};
const document = promotionDocument(facts);
const statementOver = (digest: string, target = 'prod-eu') =>
  approvalStatement({
    decision: 'approve',
    promotionDigest: digest,
    target,
    approver: 'leo',
    nonce: 'a-nonce',
    notAfter: '2026-11-22T22:00:00Z',
  });

test('a document that passes without something, or leads back, says so where it is signed', () => {
  const why = 'checkout is down, and support waits\u202e';
  const shown = (more: Partial<Parameters<typeof promotionDocument>[0]>): string => {
    const changed = promotionDocument({ ...facts, ...more });
    return describeStatement(statementOver(promotionDigest(changed)), changed).join('\n');
  };
  const said = { person: 'mira', justification: why };
  assert.match(shown({ override: said }), /override +mira: checkout is down, .*\\u\{202e\}/);
  assert.match(shown({ breakGlass: said }), /break-glass +mira: checkout is down/);
  const back = shown({
    return: {
      ...{ delivery: 'dlv_0123456789', promotion: 'prm_0123456789', reason: 'it loses orders' },
      migrations: [{ path: 'db/7.sql', answer: 'tolerates' }],
    },
  });
  assert.match(back, /return +to what dlv_0123456789 brought .*: it loses orders/);
  assert.match(back, /migration +db\/7\.sql: tolerates/);
  const rules = [{ role: 'security', count: 1 }];
  assert.match(shown({ rules, editors: ['oke'] }), /takes +1 of security[^]*not counted +oke/);
});

test('what is signed is told from the signed document, with what a terminal would act on made visible', () => {
  const text = describeStatement(statementOver(promotionDigest(document)), document).join('\n');
  for (const fact of [
    'leo, who says: approve',
    '2026.11.22-1',
    '2026.11.19-1',
    'c'.repeat(40),
    `app.tar.gz sha256:${hex('a')}`,
    `load-release@sha256:${hex('f')}`,
    'table=orders\\u{202e}',
    'dana@idp.example at 2026-11-22T10:00:00Z',
    '2026-11-22T22:00:00Z',
    `sha256:${promotionDigest(document)}`,
  ]) {
    assert.ok(text.includes(fact), `${fact} in\n${text}`);
  }
});

test('nothing is signed when the page shows one document and has another signed', () => {
  assert.throws(() => describeStatement(statementOver(hex('9')), document), {
    name: 'CliError',
    message: /Sign nothing, and tell platform/,
  });
  const elsewhere = statementOver(promotionDigest(document), 'prod-us');
  assert.throws(() => describeStatement(elsewhere, document), { message: /Sign nothing/ });
  assert.throws(() => describeStatement(Buffer.from('{}'), document), { message: /Sign nothing/ });
});

test('a key that lies in a file signs nothing', () => {
  const file = join(directory, 'id_ed25519');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  assert.throws(() => hardwareSigner(file), {
    name: 'CliError',
    message: /whoever reads a key file could approve.*ssh-keygen -t ed25519-sk/,
  });
  assert.throws(() => hardwareSigner(join(directory, 'none')), { message: /none\.pub is missing/ });
});

test('what ssh-keygen cannot do is told in its own words', () => {
  const file = join(directory, 'id_ed25519_sk');
  writeFileSync(`${file}.pub`, `${softwareSigner(join(directory, 'software.json')).publicKey}\n`);
  assert.throws(() => hardwareSigner(file).sign('airlock-approval@v1', Buffer.from('x')), {
    name: 'CliError',
    message: /ssh-keygen did not sign with .*id_ed25519_sk: /,
  });
});
