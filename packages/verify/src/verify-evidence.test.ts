/** Whatever is done to evidence is found, and on the line that it is about. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { ledgerEntry, parseLedgerEntry } from '@airlock/common/ledger/entry';
import { signEnvelope } from '@airlock/common/dsse/sign';
import { intotoPayloadType } from '@airlock/common/constants';
import { signedCommit } from '@airlock/common/testing/signed-commit';
import { keyIdOf } from '@airlock/common/trust/signer';
import { linesOf, type Report } from './report.ts';
import { archiveOf, createEvidenceWorld, type EvidenceChanges } from './testing/evidence-world.ts';
import { verifyEvidence } from './verify-evidence.ts';

const world = createEvidenceWorld();
const other = createEvidenceWorld();
const good = await world.files();
const { hook } = world;

const verify = (archive: Buffer): Report =>
  verifyEvidence({
    archive,
    pinned: world.pinned,
    // JSON is YAML; the gate's own parser is the command's to bring.
    readYaml: (schema, text) => schema.parse(JSON.parse(text)),
  });

/** Ids of the facts that do not hold by themselves, without those that only wait for another one. */
const faults = (report: Report): string[] =>
  report.facts
    .filter(({ ok, text }) => !ok && !text.includes('cannot be checked before'))
    .map(({ id }) => id);

type Files = Map<string, Buffer>;
/** What somebody without a key does to the files, who then writes a manifest that fits. */
function altered(change: (files: Files) => void): Report {
  const files = new Map(good);
  change(files);
  return verify(archiveOf(files));
}

const edit =
  (name: string, from: string, to: string) =>
  (files: Files): void => {
    const text = files.get(name)?.toString() ?? '';
    assert.ok(text.includes(from), `${name} has ${from}`);
    files.set(name, Buffer.from(text.replace(from, to)));
  };

function assertFault(report: Report, ...expected: readonly string[]): void {
  assert.equal(report.whole, false);
  assert.deepEqual(faults(report), expected, linesOf(report).join('\n'));
  assert.equal(linesOf(report).at(-1), 'VERDICT: altered or incomplete');
}

test('genuine evidence is complete and unaltered, and says what it does not prove', () => {
  const report = verify(archiveOf(good));
  const lines = linesOf(report);
  assert.ok(report.whole, lines.join('\n'));
  assert.equal(lines.at(-1), 'VERDICT: complete and unaltered');
  for (const named of ['Vault', 'the plan', 'README.txt', 'on main', 'leo, mira are']) {
    assert.ok(
      report.notChecked.some((text) => text.includes(named)),
      named,
    );
  }
  assert.ok(lines.includes('✓ 1 credential issued: 1 revoked after 4.0 s'));
});

test('every credential is told with how it ends', async () => {
  const report = verify(archiveOf(await world.files({ reads: ['db', 'web', 'api'] })));
  assert.ok(report.whole, linesOf(report).join('\n'));
  const [line] = linesOf(report).filter((text) => text.includes('credentials issued'));
  assert.match(
    line ?? '',
    /^✓ 3 credentials issued: 1 revoked after 4\.0 s, 1 ends by itself at \S+Z, 1 that only a person ends \(api, kv v3 of 2026-08-01\)$/,
  );
});

describe('of a passkey that the roster lists', () => {
  const enrolled = (entries: readonly Buffer[]) => {
    const at = entries.findIndex((body) => body.includes('"passkey.enrolled"'));
    const own = parseLedgerEntry(entries[at] ?? Buffer.alloc(0));
    return { at, own };
  };
  const earlier = (person: string) => (entries: readonly Buffer[]) => {
    const { at, own } = enrolled(entries);
    const first = { ...own, subjectDigest: 'f'.repeat(64), refs: { person } };
    return [...entries.slice(0, at), ledgerEntry(first), ...entries.slice(at)];
  };
  const withdrawnAt =
    (moved: (entries: readonly Buffer[]) => string) => (entries: readonly Buffer[]) => [
      ...entries,
      ledgerEntry({ ...enrolled(entries).own, type: 'passkey.withdrawn', at: moved(entries) }),
    ];
  const judged = async (ledger: (entries: readonly Buffer[]) => readonly Buffer[]) =>
    verify(archiveOf(await world.files({ isListed: true, ledger })));
  const timeOf = (type: string) => (entries: readonly Buffer[]) =>
    parseLedgerEntry(entries.find((body) => body.includes(`"${type}"`)) ?? Buffer.alloc(0)).at;

  test('the first counts at once, and so does one beside an earlier one of somebody else', async () => {
    for (const report of [await judged((entries) => entries), await judged(earlier('nora'))]) {
      assert.ok(report.whole, linesOf(report).join('\n'));
    }
  });

  test('a later one did not count in its first day', async () => {
    const report = await judged((entries) =>
      earlier(enrolled(entries).own.refs['person'] ?? '')(entries),
    );
    assertFault(report, 'approvals');
    assert.match(linesOf(report).join('\n'), /E_APPROVAL_CRED_WAITS/);
  });

  test('one that was withdrawn before the delivery counted for nothing, and one after it did', async () => {
    const report = await judged(withdrawnAt(timeOf('bundle.admitted')));
    assertFault(report, 'approvals');
    assert.match(linesOf(report).join('\n'), /E_APPROVAL_CRED_REVOKED/);
    const after = await judged(withdrawnAt(timeOf('delivery.finished')));
    assert.ok(after.whole, linesOf(after).join('\n'));
  });
});

describe('a flipped byte that the manifest does not know of is found in every file:', () => {
  for (const name of good.keys()) {
    test(name, () => {
      const files = new Map(good);
      const archive = archiveOf(files);
      const content = good.get(name) ?? Buffer.alloc(0);
      if (content.length === 0) return;
      const place = archive.indexOf(content);
      archive[place] = (archive[place] ?? 0) ^ 1;
      const report = verify(archive);
      assert.equal(report.whole, false);
      assert.ok(faults(report).includes('manifest'), linesOf(report).join('\n'));
    });
  }
});

describe('with a manifest that fits,', () => {
  const plain: readonly [claim: string, change: (files: Files) => void, ...faults: string[]][] = [
    [
      'another artifact in document and bundle alike breaks signatures and digests',
      (files) => {
        const sha = world.builds.build.subject.sha256;
        edit('promotion.json', sha, 'd'.repeat(64))(files);
        const lines = files.get('bundle.intoto.jsonl')?.toString().trim().split('\n') ?? [];
        const swapped = lines.map((line) => {
          const envelope = JSON.parse(line) as { payload: string };
          const payload = Buffer.from(envelope.payload, 'base64')
            .toString()
            .replace(sha, 'd'.repeat(64));
          return `${JSON.stringify({ ...envelope, payload: Buffer.from(payload).toString('base64') })}\n`;
        });
        files.set('bundle.intoto.jsonl', Buffer.from(swapped.join('')));
      },
      'times',
    ],
    [
      'another commit object is not the one of the document',
      edit('commit', 'VAT per line', 'VAT per sign'),
      'commit',
    ],
    [
      'another delivery.json is not what was signed',
      edit('delivery.json', 'succeeded', 'failed'),
      'records',
    ],
    [
      'another leases.json is not what was signed',
      edit('leases.json', 'v-load-1', 'v-load-2'),
      'records',
    ],
    ['another log.txt is not what was signed', edit('log.txt', '3 rows', '9 rows'), 'records'],
    [
      'another artifact.json is not what was signed',
      edit('artifact.json', 'app', 'bpp'),
      'records',
    ],
    [
      'another checks.json is not what was signed',
      edit('checks.json', 'PASSED', 'WAIVED'),
      'records',
    ],
    [
      'an approval taken away leaves too few',
      (files) => {
        const { approvals, passkeys } = JSON.parse(
          files.get('approvals.json')?.toString() ?? '',
        ) as Record<string, unknown[]>;
        files.set(
          'approvals.json',
          Buffer.from(JSON.stringify({ approvals: approvals?.slice(1), passkeys })),
        );
      },
      'approvals',
    ],
    [
      'an approval of another promotion counts for nothing',
      (files) => {
        const { approvals, passkeys } = JSON.parse(
          files.get('approvals.json')?.toString() ?? '',
        ) as Record<string, unknown[]>;
        const foreign = { evidence: world.people.approve(world.people.leo), signCountBefore: 5 };
        files.set(
          'approvals.json',
          Buffer.from(
            JSON.stringify({ approvals: [foreign, ...(approvals ?? []).slice(1)], passkeys }),
          ),
        );
      },
      'approvals',
    ],
    [
      'a policy with threshold 1 is not the one that was approved',
      edit('policy.yaml', '"count":2', '"count":1'),
      'decided',
    ],
    [
      'a roster with another role is not the one that was approved',
      edit('roster.yaml', '["developer","release-manager"]', '["release-manager"]'),
      'decided',
    ],
    [
      'authors taken out of the changes are missed',
      edit('changes.json', '"kim@example.com"', ''),
      'decided',
    ],
    [
      'a self-made key in trust.json makes nobody trusted',
      (files) => {
        files.set(
          'trust.json',
          Buffer.from(JSON.stringify({ version: 1, signers: other.builds.rows })),
        );
        files.set('bundle.intoto.jsonl', other.builds.bundle());
      },
      'bundle',
    ],
    [
      'another trust.json is not what administrators signed',
      edit('trust.json', 'notAfter', 'notafter'),
      'configuration',
      'records',
    ],
    [
      'a manifest of other administrators is no configuration',
      (files) => {
        files.set(
          'manifest.dsse.json',
          Buffer.from(
            files
              .get('manifest.dsse.json')
              ?.toString()
              .replace(/"sig":"../, '"sig":"AA') ?? '',
          ),
        );
      },
      'configuration',
    ],
    [
      'an entry of the ledger left out is missed',
      (files) => {
        const lines = files.get('ledger/entries.ndjson')?.toString().split('\n') ?? [];
        files.set(
          'ledger/entries.ndjson',
          Buffer.from([...lines.slice(0, 12), ...lines.slice(13)].join('\n')),
        );
        files.delete('ledger/proofs/12.tlog-proof');
      },
      'story',
    ],
    [
      'entries in another order are not those that are proven',
      (files) => {
        const lines = files.get('ledger/entries.ndjson')?.toString().trim().split('\n') ?? [];
        files.set('ledger/entries.ndjson', Buffer.from(`${lines.reverse().join('\n')}\n`));
      },
      'ledger',
    ],
    [
      'the proof of another entry proves nothing of this one',
      (files) => {
        files.set(
          'ledger/proofs/7.tlog-proof',
          files.get('ledger/proofs/8.tlog-proof') ?? Buffer.alloc(0),
        );
      },
      'ledger',
    ],
    [
      'a rewritten entry is not in the ledger',
      (files) => {
        const text = files.get('ledger/entries.ndjson')?.toString() ?? '';
        const lines = text.split('\n').map((line) => {
          if (!line.startsWith('{"index":14,')) return line;
          const { index, body } = JSON.parse(line) as { index: number; body: string };
          const changed = Buffer.from(body, 'base64').toString().replace('succeeded', 'failed..');
          return JSON.stringify({ index, body: Buffer.from(changed).toString('base64') });
        });
        files.set('ledger/entries.ndjson', Buffer.from(lines.join('\n')));
      },
      'ledger',
    ],
    [
      'a checkpoint of another size is not the one of the proofs',
      edit('ledger/checkpoint', '\n16\n', '\n15\n'),
      'checkpoint',
    ],
    [
      'a statement with another outcome breaks its signature',
      (files) => {
        const envelope = JSON.parse(files.get('delivery.dsse.json')?.toString() ?? '') as {
          payload: string;
        };
        const payload = Buffer.from(envelope.payload, 'base64')
          .toString()
          .replace('succeeded', 'failed');
        files.set(
          'delivery.dsse.json',
          Buffer.from(
            JSON.stringify({ ...envelope, payload: Buffer.from(payload).toString('base64') }),
          ),
        );
      },
      'statement',
    ],
    [
      'a statement by a key of one’s own is by nobody',
      (files) => {
        const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const { payload } = JSON.parse(files.get('delivery.dsse.json')?.toString() ?? '') as {
          payload: string;
        };
        files.set(
          'delivery.dsse.json',
          Buffer.from(
            signEnvelope(intotoPayloadType, Buffer.from(payload, 'base64'), [
              { keyid: keyIdOf(publicKey), privateKey },
            ]),
          ),
        );
      },
      'statement',
    ],
    [
      'an envelope of the bundle taken away is missed',
      (files) => {
        const lines = files.get('bundle.intoto.jsonl')?.toString().split('\n') ?? [];
        files.set('bundle.intoto.jsonl', Buffer.from([lines[0], lines[2], ''].join('\n')));
      },
      'bundle',
    ],
    [
      'a list of approvals that two readers read differently',
      edit('approvals.json', '{', '{"approvals":[],'),
      'approvals',
    ],
    [
      'an entry that two readers read differently',
      edit('ledger/entries.ndjson', '{"index":0', '{"index":5,"index":0'),
      'ledger',
    ],
    [
      'a line of the ledger without its end',
      (files) => {
        const text = files.get('ledger/entries.ndjson')?.toString() ?? '';
        files.set('ledger/entries.ndjson', Buffer.from(text.trimEnd()));
      },
      'ledger',
    ],
    [
      'empty lines among the builders',
      (files) => {
        files.set('rebuilds.intoto.jsonl', Buffer.from('\n'));
      },
      'builders',
    ],
    [
      'a file more does not belong there',
      (files) => {
        files.set('notes.txt', Buffer.from('trust me'));
      },
      'manifest',
    ],
    [
      'a file less is missed',
      (files) => {
        files.delete('log.txt');
      },
      'manifest',
      'records',
    ],
  ];
  for (const [claim, change, ...expected] of plain) {
    test(claim, () => {
      assertFault(altered(change), ...expected);
    });
  }
});

describe('what the gate itself signed of something else does not pass for this:', () => {
  const signed: readonly [claim: string, changes: EvidenceChanges, ...faults: string[]][] = [
    ['an approval by whoever asked', { approvers: [world.dana, world.people.mira] }, 'approvals'],
    ['one approval by one person twice', { approvers: [world.people.leo] }, 'approvals'],
    [
      'a commit signed by a key that the roster does not list',
      { built: signedCommit('kim@example.com') },
      'commit',
    ],
    ['a build on software that the target does not list', { image: 'd'.repeat(64) }, 'bundle'],
    ['a summary for another target', { summary: { target: 'prod-us' } }, 'summary'],
    ['a summary under another policy', { summary: { policy: 'b'.repeat(64) } }, 'summary'],
    ['a summary that failed', { summary: { levels: null } }, 'summary'],
    ['a summary that saw other attestations', { summary: { inputs: ['c'.repeat(64)] } }, 'summary'],
    [
      'a summary that counts more builders',
      {
        summary: {
          levels: [
            'SLSA_BUILD_LEVEL_2',
            'AIRLOCK_SOURCE_ON_MAIN',
            'AIRLOCK_PLAN_REDERIVED',
            'AIRLOCK_SOURCE_SIGNED',
            'AIRLOCK_BUILDERS_2',
          ],
        },
      },
      'summary',
    ],
    [
      'a statement of another outcome than the ledger’s',
      { record: { outcome: 'failed' } },
      'story',
    ],
    [
      'a statement about another promotion',
      { record: { promotion: 'prm_9876543210' } },
      'statement',
    ],
    ['a statement that names other approvals', { record: { approvals: [] } }, 'counted'],
    [
      'a credential that no entry revokes',
      { ledger: (entries) => entries.filter((body) => !body.includes('credential.revoked')) },
      'story',
    ],
    [
      'a credential before the intent',
      {
        ledger: (entries) => {
          const issued = entries.filter((body) => body.includes('credential.issued'));
          return [...issued, ...entries.filter((body) => !issued.includes(body))];
        },
      },
      'story',
    ],
    [
      'a second intent under the same approvals',
      {
        ledger: (entries) => {
          const intent =
            entries.find((body) => body.includes('delivery.intent')) ?? Buffer.alloc(0);
          return [
            ...entries,
            Buffer.from(intent.toString().replace('dlv_0123456789', 'dlv_9876543210')),
          ];
        },
      },
      'times',
    ],
    [
      'an approval that was withdrawn',
      {
        ledger: (entries) => {
          const recorded =
            entries.find((body) => body.includes('approval.recorded')) ?? Buffer.alloc(0);
          const { v, type, ...rest } = JSON.parse(recorded.toString()) as Record<string, unknown>;
          assert.deepEqual([v, type], [1, 'approval.recorded']);
          const withdrawn = { v, type: 'approval.withdrawn', ...rest };
          return [...entries, Buffer.from(JSON.stringify(withdrawn))];
        },
      },
      'approvals',
    ],
    [
      'a configuration that the ledger does not know',
      { ledger: (entries) => entries.filter((body) => !body.includes('configuration.changed')) },
      'configuration',
    ],
    [
      'a configuration that came into force after the login',
      {
        ledger: (entries) => {
          const changed = entries.filter((body) => body.includes('configuration.changed'));
          return [...entries.filter((body) => !changed.includes(body)), ...changed];
        },
      },
      'configuration',
    ],
    [
      'a statement without the credential that the ledger has',
      { record: { session: null, credentials: [] } },
      'story',
      'credential',
    ],
    [
      'a second credential that the statement leaves out',
      { reads: ['db', 'api'], record: { credentials: world.credentialsOf(['db']) } },
      'story',
      'credential',
    ],
    [
      'a credential that the ledger does not have',
      { reads: ['db'], record: { credentials: world.credentialsOf(['db', 'api']) } },
      'story',
      'credential',
    ],
    [
      'an end of a certificate that the ledger puts elsewhere',
      {
        reads: ['web'],
        record: {
          credentials: world.credentialsOf(['web']).map((credential) => ({
            ...credential,
            diesAt: credential.issuedAt,
          })),
        },
      },
      'story',
    ],
    [
      'a statement without the hook’s run that the ledger has',
      { record: { hook: { name: hook, startedAt: null, finishedAt: null, exit: null } } },
      'story',
    ],
    [
      'files of a configuration that no statement names',
      { record: { configuration: null, trust: null } },
      'configuration',
    ],
    [
      'an enrolment that the ledger does not know',
      { ledger: (entries) => entries.filter((body) => !body.includes('"leo"')) },
      'approvals',
    ],
    [
      'a ledger of another key',
      { ledgerKey: generateKeyPairSync('ed25519').privateKey },
      'checkpoint',
    ],
  ];
  for (const [claim, changes, ...expected] of signed) {
    test(claim, async () => {
      assertFault(verify(archiveOf(await world.files(changes))), ...expected);
    });
  }

  test('a fork of the ledger under the same key', async () => {
    const fork = await world.files({ ledger: (entries) => entries.slice(0, -1) });
    const files = new Map(good);
    files.set('ledger/checkpoint', fork.get('ledger/checkpoint') ?? Buffer.alloc(0));
    assertFault(verify(archiveOf(files)), 'ledger');
  });
});

describe('an archive is read as what it is or not at all:', () => {
  const archive = archiveOf(good);
  const broken: readonly [claim: string, bytes: () => Buffer][] = [
    ['cut short', () => archive.subarray(0, archive.length - 1024)],
    ['cut within a file', () => archive.subarray(0, 700)],
    ['with a member twice', () => Buffer.concat([archive.subarray(0, -1024), archive])],
    ['with bytes behind its end', () => Buffer.concat([archive, Buffer.alloc(512, 1)])],
    ['with a link', () => withHeader(156, '2')],
    ['with a path that climbs', () => withHeader(0, '../')],
    ['with a header that was altered', () => withHeader(100, '7')],
    ['of nothing', () => Buffer.alloc(0)],
  ];
  for (const [claim, bytes] of broken) {
    test(claim, () => {
      assertFault(verify(bytes()), 'archive');
    });
  }

  /** The first header with other text, and the checksum that fits unless the text is in a field of its own. */
  function withHeader(at: number, text: string): Buffer {
    const copy = Buffer.from(archive);
    copy.write(text, at, 'latin1');
    if (at === 100) return copy;
    const header = copy.subarray(0, 512).fill(' ', 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return copy;
  }
});
