import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  around,
  at,
  codes,
  compared,
  logged,
  loginPath,
  noon,
  readPath,
  recordedCrashed,
  recordedWhole,
  silence,
  wholeDelivery,
} from '../testing/audit-world.ts';

const swap = (from: string, to: string) => (line: string) => line.replaceAll(from, to);
/** Other request ids, as other requests have. */
const asked = (line: string) => line.replace(/"request":\{"id":"..../, '"request":{"id":"ffff');
const again = (change: (line: string) => string) => (line: string) => asked(change(line));

describe("Vault's audit log and the ledger", () => {
  test('a delivery as it should be is whole, login and credential alike', () => {
    const report = compared(around(logged('whole', 0)), recordedWhole());
    assert.deepEqual(report.findings, []);
    assert.equal(report.whole, true);
    assert.deepEqual([report.logins, report.credentials, report.matched], [1, 1, 1]);
    assert.deepEqual(report.lines, { read: 24, unreadable: 0 });
  });

  test('a credential read by a root token is named with who asked', () => {
    const report = compared(around(logged('whole', 0), logged('root', 60)), recordedWhole());
    const [credential, token, secret] = report.findings;
    assert.deepEqual(
      report.findings.map(({ code, path }) => [code, path]),
      [
        ['issued-unrecorded', readPath],
        ['token-elsewhere', 'auth/token/create'],
        ['issued-unrecorded', 'kv/data/prod/api'],
      ],
    );
    assert.match(
      credential?.text ?? '',
      /^lease sha256:[0-9a-f]{64} was given to root \(policies root\)/,
    );
    assert.equal(credential?.remote, '127.0.0.1');
    assert.match(credential.accessor ?? '', /^hmac-sha256:/);
    assert.match(token?.text ?? '', /airlock-target-shop-prod-eu/);
    assert.match(secret?.text ?? '', /^a credential was given to root/);
  });

  test('what a crash left unrecorded is named, with how its delivery ended', () => {
    const [finding, ...more] = compared(around(logged('crashed', 100)), recordedCrashed()).findings;
    assert.deepEqual(more, []);
    assert.equal(finding?.code, 'issued-unrecorded');
    assert.match(finding.text, /the watchdog ended that delivery/);
    assert.equal(finding.metadata?.['delivery_id'], 'dlv_0000000003');
  });

  test('an entry whose lease Vault never gave is named, and so is the lease that it gave', () => {
    const report = compared(
      around(logged('whole', 0)),
      recordedWhole({ issued: { lease: 'b'.repeat(64) } }),
    );
    assert.deepEqual(
      report.findings.map(({ code, where }) => [code, where]),
      [
        ['issued-unrecorded', 'audit.log:5'],
        ['recorded-unissued', 'ledger entry 1'],
      ],
    );
    assert.match(
      report.findings[0]?.text ?? '',
      /for which the ledger has entry 1 \(lease sha256:bbb/,
    );
  });

  test('a log from which the issuance was cut out does not match', () => {
    const log = around(logged('whole', 0)).filter((line) => !line.includes(`"path":"${readPath}"`));
    assert.deepEqual(codes(log, recordedWhole()), ['recorded-unissued']);
  });

  test('a second read with the token of a delivery is named', () => {
    const second = logged('whole', 1, again(swap('lveRJrXl1rEC76DK1ORp2Ozc', 'other'))).slice(2, 4);
    const log = around([...logged('whole', 0), ...second]);
    const [finding] = compared(log, recordedWhole()).findings;
    assert.equal(finding?.code, 'issued-unrecorded');
    assert.equal(finding.where, 'audit.log:25');
  });

  test('a JWT that is used twice is named', () => {
    const replay = logged('whole', 1, again(swap('0310c5cb', '99999999'))).slice(0, 2);
    assert.ok(
      codes(around(logged('whole', 0), replay), recordedWhole()).includes('login-repeated'),
    );
  });

  test('a login long after it was minted is named', () => {
    const late = compared(around(logged('whole', 300)), [
      ...recordedWhole({ issued: null, revoked: null }).slice(0, 1),
    ]);
    assert.deepEqual(
      late.findings.map(({ code }) => code),
      ['login-late', 'issued-unrecorded'],
    );
  });

  test('a login under a delivery that the ledger does not know is named', () => {
    const log = around(logged('whole', 0, swap(wholeDelivery, 'dlv_0000000009')));
    assert.deepEqual(codes(log, recordedWhole({ issued: null, revoked: null })), [
      'login-unrecorded',
      'issued-unrecorded',
    ]);
  });

  test("a delivery's id at another target's mount is named", () => {
    const log = around(
      logged('whole', 0, (line) =>
        line
          .replaceAll(loginPath, 'auth/jwt-prod-us/login')
          .replaceAll(readPath, 'database/creds/shop-prod-us'),
      ),
    );
    assert.deepEqual(codes(log, recordedWhole()), [
      'entry-differs',
      'issued-unrecorded',
      'recorded-unissued',
    ]);
  });

  test('a lease that stands in the ledger under another delivery is named', () => {
    assert.deepEqual(
      codes(around(logged('whole', 0)), recordedWhole({ issued: { delivery: 'dlv_0000000009' } })),
      ['entry-differs'],
    );
  });

  test('a session that is not the ledger’s is named', () => {
    const mapped = swap(
      `"delivery_id":"${wholeDelivery}"`,
      `"delivery_id":"${wholeDelivery}","session_id":"vse_0000000009"`,
    );
    assert.deepEqual(codes(around(logged('whole', 0, mapped)), recordedWhole()), [
      'entry-differs',
      'entry-differs',
    ]);
  });

  test('a line that is copied is named and counted once', () => {
    const whole = logged('whole', 0);
    const report = compared(around(whole, whole.slice(3, 4)), recordedWhole());
    assert.deepEqual(
      report.findings.map(({ code }) => code),
      ['line-repeated'],
    );
    assert.equal(report.credentials, 1);
  });

  test('what has no id of its own is not taken for a copy, nor left out', () => {
    const nameless = (line: string) => line.replace(/"id":"[0-9a-f-]{36}",/, '');
    const log = around(logged('root', 60, nameless), logged('root', 61, nameless));
    assert.equal(codes(log, []).length, 6);
    assert.ok(!codes(log, []).includes('line-repeated'));
  });

  test('a line that cannot be read is named with its number', () => {
    for (const line of ['{"time":', '{}', '[]', '"text"', '{"type":"panic"}']) {
      const report = compared(around([line], logged('whole', 0)), recordedWhole());
      assert.deepEqual(
        report.findings.map(({ code, where }) => [code, where]),
        [['line-unreadable', 'audit.log:2']],
        line,
      );
      assert.equal(report.lines.unreadable, 1);
    }
  });

  test('a request without an answer is named, unless the log ends there', () => {
    const [login = ''] = logged('whole', 0);
    assert.deepEqual(codes(around([login]), []), ['unanswered']);
    assert.deepEqual(codes([silence(-600), login, silence(30)], []), []);
  });

  test('a refused login is nothing that was given out', () => {
    for (const error of ['', ',"error":"permission denied"']) {
      const refused = logged('whole', 0, (line) =>
        line.replace(
          /,"response":\{"auth".*\}$/,
          `,"response":{"data":{"error":"hmac-sha256:x"}}${error}}`,
        ),
      ).slice(0, 2);
      assert.match(refused[1] ?? '', /"data":\{"error"/);
      const report = compared(around(refused), []);
      assert.deepEqual(report.findings, []);
      assert.deepEqual([report.logins, report.credentials], [0, 0]);
    }
  });

  test('a log in which nobody lists the paths as empty does not prove a revocation', () => {
    const log = around(logged('whole', 0)).filter((line) => !line.includes('"operation":"list"'));
    const report = compared(log, recordedWhole());
    assert.deepEqual(
      report.findings.map(({ code }) => code),
      ['revocation-unlogged', 'revocation-unlogged'],
    );
    assert.match(report.findings[0]?.text ?? '', /Vault revoked it at .* and never listed/);
  });

  test('a credential that was revoked long after its delivery is named', () => {
    const whole = logged('whole', 0);
    const log = around(whole.slice(0, 4), logged('whole', 120).slice(4));
    const [, , , end] = recordedWhole();
    const late = recordedWhole().map((entry) =>
      entry.type === 'credential.revoked' ? { ...entry, at: at(121) } : entry,
    );
    assert.equal(end?.type, 'delivery.finished');
    assert.deepEqual(codes(log, late), ['outlived', 'outlived']);
  });

  test('a token that nobody revoked lived for its whole life', () => {
    const log = around(logged('whole', 0).slice(0, 2));
    const [request] = recordedWhole();
    assert.ok(request);
    const report = compared(log, [request]);
    assert.deepEqual(
      report.findings.map(({ code }) => code),
      ['outlived'],
    );
    assert.match(report.findings[0]?.text ?? '', /its whole 120 s/);
  });

  test('a renewal is named', () => {
    const renewal = logged(
      'whole',
      1,
      again(swap(`"path":"${readPath}"`, '"path":"sys/leases/renew"')),
    ).slice(3, 4);
    assert.deepEqual(codes(around(logged('whole', 0), renewal), recordedWhole()), ['renewed']);
  });

  test("a delivery's token at a path of no target is named", () => {
    const elsewhere = logged('whole', 1, again(swap(readPath, 'database/creds/admin'))).slice(2, 4);
    assert.deepEqual(codes(around(logged('whole', 0), elsewhere), recordedWhole()), [
      'place-unknown',
    ]);
  });

  test('a login that got more than the policy of a target is named', () => {
    const wider = swap(
      '"policies":["airlock-target-shop-prod-eu"]',
      '"policies":["airlock-target-shop-prod-eu","admin"]',
    );
    assert.ok(codes(around(logged('whole', 0, wider)), recordedWhole()).includes('token-wider'));
  });

  test('a log that holds tokens in clear is named once', () => {
    const raw = logged('whole', 0, (line) =>
      line.replaceAll(/"client_token":"[^"]+"/g, '"client_token":"s.clear"'),
    );
    assert.deepEqual(codes(around(raw), recordedWhole()), ['log-raw']);
  });

  test('an unused login is a note and no finding', () => {
    const report = compared(around([]), recordedWhole({ issued: null, revoked: null }).slice(0, 1));
    assert.equal(report.whole, true);
    assert.match(report.notes.join(), /dlv_0000000001.*was never used/);
  });

  test('what the files cannot show is said to be outside their window', () => {
    const [first = '', ...rest] = logged('whole', 0);
    // Begins within the delivery: the login is in the file before.
    assert.deepEqual(codes([...rest.slice(1), silence(600)], recordedWhole()), []);
    // Ends within it: its revocation is in the file after.
    assert.deepEqual(codes([silence(-600), first, ...rest.slice(0, 3)], recordedWhole()), []);
    const elsewhere = compared([silence(3000), silence(6000)], recordedWhole());
    assert.equal(elsewhere.whole, true);
    assert.match(elsewhere.notes.join(), /outside the files' window/);
  });

  test('files without a line show nothing', () => {
    assert.deepEqual(codes([], recordedWhole()), ['log-empty']);
  });

  test('clocks that are seconds apart change nothing', () => {
    for (const skew of [-8, 8]) {
      assert.deepEqual(codes(around(logged('whole', skew)), recordedWhole()), []);
    }
  });

  test('--from and --to leave out what lies outside', () => {
    const log = around(logged('whole', 0), logged('root', 60));
    const to = new Date(noon + 30_000);
    assert.deepEqual(codes(log, recordedWhole(), { to }), []);
    assert.equal(codes(log, recordedWhole(), { from: to }).length, 3);
  });

  test('what is in another namespace is another mount', () => {
    const elsewhere = logged(
      'root',
      60,
      swap('"namespace":{"id":"root"}', '"namespace":{"id":"x","path":"team/"}'),
    );
    assert.deepEqual(codes(around(logged('whole', 0), elsewhere), recordedWhole()), []);
  });
});
