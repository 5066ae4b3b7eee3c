import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CommitKey, judgeCommitSignature, type CommitSignature } from './commit-signature.ts';
import { parseSshPublicKey, parseSshSignature, SshError } from './ssh-signature.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-signatures-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

const at = (name: string): string => join(root, name);
const now = new Date('2026-11-22T12:00:00Z');

/** A commit by an ordinary git, signed by an ordinary ssh-keygen. */
function commitBy(
  key: string | null,
  options: { email?: string; date?: string; extra?: string[] } = {},
): { commit: string; object: Buffer } {
  const { email = 'dana@example.org', date = '2026-11-22T11:00:00Z', extra = [] } = options;
  const git = (...args: string[]): Buffer =>
    execFileSync('git', args, {
      cwd: at('repository'),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: root,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: 'Dana',
        GIT_AUTHOR_EMAIL: email,
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: 'Dana',
        GIT_COMMITTER_EMAIL: email,
        GIT_COMMITTER_DATE: date,
      },
    });
  const signing = key === null ? ['--no-gpg-sign'] : [`--gpg-sign=${at(key)}`];
  git(
    ...[
      '-c',
      'gpg.format=ssh',
      'commit',
      '--quiet',
      '--allow-empty',
      '-m',
      'Sell hinges\n\ngpgsig x',
    ],
    ...extra,
    ...signing,
  );
  const commit = git('rev-parse', 'HEAD').toString().trim();
  return { commit, object: git('cat-file', 'commit', commit) };
}

const publicKey = (name: string): string => readFileSync(at(`${name}.pub`), 'utf8').trim();

const row = (name: string, more: Partial<CommitKey> = {}): CommitKey =>
  CommitKey.parse({
    key: publicKey(name),
    owner: 'dana',
    notBefore: '2026-01-01T00:00:00Z',
    notAfter: '2027-01-01T00:00:00Z',
    ...more,
  });

const judge = (
  signed: { commit: string; object: Buffer },
  keys: readonly CommitKey[],
  firstSeenAt: Date | null = new Date('2026-11-22T11:00:05Z'),
): CommitSignature =>
  judgeCommitSignature({
    ...signed,
    keys,
    emailsOf: (owner) => (owner === 'dana' ? ['dana@example.org'] : []),
    firstSeenAt,
    now,
  });

function refused(found: CommitSignature, reason: RegExp): void {
  assert.ok(!found.signed, 'counts as signed');
  assert.match(found.reason, reason);
}

before(() => {
  for (const [name, ...type] of [
    ['dana', '-t', 'ed25519'],
    ['curve', '-t', 'ecdsa', '-b', '256'],
    ['other', '-t', 'ed25519'],
    ['rsa', '-t', 'rsa', '-b', '2048'],
    ['p384', '-t', 'ecdsa', '-b', '384'],
  ]) {
    execFileSync('ssh-keygen', ['-q', ...type, '-N', '', '-C', 'a comment', '-f', at(name ?? '')]);
  }
  execFileSync('git', ['init', '--quiet', at('repository')]);
});

test('commits signed by Ed25519 and P-256 keys count, and say by whom', () => {
  for (const name of ['dana', 'curve']) {
    const found = judge(commitBy(name), [row('other', { owner: 'forge' }), row(name)]);
    const [, fingerprint] = execFileSync('ssh-keygen', ['-l', '-f', at(`${name}.pub`)])
      .toString()
      .split(' ');
    assert.deepEqual(found, { signed: true, fingerprint, owner: 'dana' });
  }
});

test('fifty P-256 signatures all count: also those with short or padded numbers', () => {
  const keys = [row('curve')];
  for (let count = 0; count < 50; count += 1) {
    assert.equal(judge(commitBy('curve', { extra: ['-m', String(count)] }), keys).signed, true);
  }
});

test('what counts here is good for ssh-keygen too, without git', () => {
  const { object } = commitBy('dana');
  const text = object.toString('latin1');
  const header = /\ngpgsig ((?:.+\n)(?: .*\n)*)/.exec(text);
  assert.ok(header?.[1] !== undefined);
  writeFileSync(at('c.sig'), header[1].replaceAll('\n ', '\n'));
  writeFileSync(at('allowed'), `dana@example.org ${publicKey('dana')}\n`);
  const verified = spawnSync(
    'ssh-keygen',
    ['-Y', 'verify', '-f', at('allowed'), '-I', 'dana@example.org', '-n', 'git', '-s', at('c.sig')],
    { input: Buffer.from(text.replace(header[0], '\n'), 'latin1'), encoding: 'utf8' },
  );
  assert.equal(verified.status, 0, verified.stderr);
});

describe('a commit does not count as signed', () => {
  test('without a signature', () => {
    refused(judge(commitBy(null), [row('dana')]), /carries no signature/);
  });

  test('by a key that is not listed', () => {
    refused(judge(commitBy('other'), [row('dana')]), /SHA256:\S+, which commitKeys does not list/);
    refused(judge(commitBy('rsa'), [row('dana')]), /does not list/);
  });

  test('by a key of somebody else than its committer, whom git would not have compared', () => {
    const commit = commitBy('dana', { email: 'mira@example.org' });
    refused(judge(commit, [row('dana')]), /committed as "mira@example.org"/);
    refused(judge(commitBy('dana'), [row('dana', { owner: 'mira' })]), /none of mira's addresses/);
    assert.equal(judge(commit, [row('dana', { owner: 'forge' })]).signed, true);
  });

  test('by an expired key, whatever date the commit claims', () => {
    const expired = [row('dana', { notAfter: '2026-06-01T00:00:00Z' })];
    refused(judge(commitBy('dana', { date: '2026-03-01T00:00:00Z' }), expired), /expired/);
  });

  test('by a key that came into force after main had the commit', () => {
    refused(judge(commitBy('dana'), [row('dana', { notBefore: '2026-12-01T00:00:00Z' })]), /from/);
  });

  test('by a key that is revoked, also where main had it before', () => {
    refused(judge(commitBy('dana'), [row('dana', { revokedAt: now.toISOString() })]), /revoked/);
    const later = row('dana', { revokedAt: '2026-12-01T00:00:00Z' });
    assert.equal(judge(commitBy('dana'), [later]).signed, true);
  });

  test('while the ledger does not say when main had it', () => {
    refused(judge(commitBy('dana'), [row('dana')], null), /not covered yet/);
  });

  test('when another object stands behind its id', () => {
    const { commit } = commitBy('dana', { extra: ['-m', 'one'] });
    refused(judge({ ...commitBy('dana'), commit }, [row('dana')]), /not the object/);
  });

  test('when its signature belongs to another commit', () => {
    const [one, two] = [commitBy('dana'), commitBy('dana', { extra: ['-m', 'two'] })];
    const signatureOf = (object: Buffer): string =>
      /\ngpgsig .*\n(?: .*\n)*/.exec(object.toString('latin1'))?.[0] ?? '';
    refused(
      judge(
        withId(
          two.object.toString('latin1').replace(signatureOf(two.object), signatureOf(one.object)),
        ),
        [row('dana')],
      ),
      /not over it/,
    );
  });

  test('with two signatures, a second committer or none', () => {
    const text = commitBy('dana').object.toString('latin1');
    const twice = text.replace('\ngpgsig ', '\ngpgsig x\ngpgsig ');
    const sha256 = text.replace('\ngpgsig ', '\ngpgsig-sha256 x\ngpgsig ');
    const committers = text.replace('\ncommitter ', '\ncommitter E <e@x> 1 +0000\ncommitter ');
    const none = text.replace('\ncommitter ', '\ncommitted ');
    for (const odd of [twice, sha256, committers, none, 'tree x']) {
      refused(judge(withId(odd), [row('dana')]), /not written as git writes/);
    }
  });

  test('with a signature of another kind', () => {
    const text = commitBy('dana').object.toString('latin1');
    const pgp = text.replaceAll('SSH SIGNATURE', 'PGP SIGNATURE');
    refused(judge(withId(pgp), [row('dana')]), /something else than an SSH signature/);
  });

  test('when it was made for another purpose than commits', () => {
    const unsigned = commitBy(null).object;
    const armoured = execFileSync('ssh-keygen', ['-Y', 'sign', '-n', 'file', '-f', at('dana')], {
      input: unsigned,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
      .toString()
      .trim();
    const signed = unsigned
      .toString('latin1')
      .replace('\n\n', `\ngpgsig ${armoured.replaceAll('\n', '\n ')}\n\n`);
    refused(judge(withId(signed), [row('dana')]), /not over it/);
  });

  test('with any one bit of its object changed', () => {
    const { object } = commitBy('curve');
    const keys = [row('curve')];
    for (let bit = 0; bit < object.length * 8; bit += 3) {
      const changed = Buffer.from(object);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(judge(withId(changed.toString('latin1')), keys).signed, false, `bit ${bit}`);
    }
  });
});

/** An object under the id that it has: what somebody who writes objects by hand can do. */
function withId(text: string): { commit: string; object: Buffer } {
  const object = Buffer.from(text, 'latin1');
  const commit = createHash('sha1').update(`commit ${object.length}\0`).update(object);
  return { commit: commit.digest('hex'), object };
}

test('a row says one accepted key and a window', () => {
  for (const wrong of [
    { key: publicKey('rsa') },
    { key: publicKey('p384') },
    { key: publicKey('dana').replace('ssh-ed25519', 'ecdsa-sha2-nistp256') },
    { key: 'ssh-ed25519' },
    { key: 'ssh-ed25519 AAAA' },
    { notAfter: '2025-01-01T00:00:00Z' },
    { validBefore: '2025-01-01T00:00:00Z' },
  ]) {
    assert.equal(CommitKey.safeParse({ ...row('dana'), ...wrong }).success, false);
  }
});

test('an Ed25519 key for which anybody can sign is no key', () => {
  const blob = Buffer.concat([
    Buffer.from('0000000b', 'hex'),
    Buffer.from('ssh-ed25519'),
    Buffer.from('00000020', 'hex'),
    Buffer.alloc(32),
  ]);
  assert.throws(() => parseSshPublicKey(`ssh-ed25519 ${blob.toString('base64')}`), SshError);
});

test('a signature that is not one SSHSIG to its last byte is malformed', () => {
  const armoured = /\ngpgsig (.*\n(?: .*\n)*)/
    .exec(commitBy('dana').object.toString('latin1'))?.[1]
    ?.replaceAll('\n ', '\n');
  assert.ok(armoured !== undefined);
  parseSshSignature(armoured);
  const body = Buffer.from(armoured.split('\n').slice(1, -2).join(''), 'base64');
  const wrap = (bytes: Buffer): string =>
    `-----BEGIN SSH SIGNATURE-----\n${bytes.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
  parseSshSignature(wrap(body));
  for (const wrong of [
    `x${armoured}`,
    `${armoured}x`,
    wrap(body.subarray(0, -1)),
    wrap(Buffer.concat([body, Buffer.alloc(1)])),
    wrap(Buffer.concat([body, Buffer.alloc(4)])),
    wrap(Buffer.concat([Buffer.from('SSHSIH'), body.subarray(6)])),
    wrap(Buffer.concat([body.subarray(0, 6), Buffer.from('00000002', 'hex'), body.subarray(10)])),
    wrap(Buffer.from('SSHSIG')),
    `-----BEGIN SSH SIGNATURE-----\n${'A'.repeat(20_000)}\n-----END SSH SIGNATURE-----\n`,
  ]) {
    assert.throws(() => parseSshSignature(wrong), SshError, wrong.slice(0, 60));
  }
});
