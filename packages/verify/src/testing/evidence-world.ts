/**
 * For tests only: a gate that made one delivery, and its evidence, with keys that live as long as the test. What a change
 * says is signed as genuinely as the rest; what an attacker does to the archive is for the tests.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { configurationPayloadType, intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope, type SigningKey } from '@airlock/common/dsse/sign';
import { canonicalJson } from '@airlock/common/encoding/canonical-json';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { describeRecords } from '@airlock/common/evidence/describe';
import { proofFile } from '@airlock/common/evidence/format';
import { tarOf } from '@airlock/common/evidence/write-tar';
import {
  deliveryLogText,
  deliveryStatement,
  type DeliveryRecord,
  type IssuedCredential,
} from '@airlock/common/intoto/delivery';
import { appendLeaves } from '@airlock/common/ledger/append';
import { signCheckpoint } from '@airlock/common/ledger/checkpoint';
import { ledgerEntry, type LedgerEntryType } from '@airlock/common/ledger/entry';
import { vkeyOf } from '@airlock/common/ledger/note';
import { buildInclusionProof } from '@airlock/common/ledger/proof';
import { formatTlogProof } from '@airlock/common/ledger/tlog-proof';
import { leafHash } from '@airlock/common/ledger/tree';
import { waiverMembers, type Waiver } from '@airlock/common/promotion/waiver';
import {
  deltaDigest,
  promotionDigest,
  promotionDocument,
} from '@airlock/common/promotion/document';
import {
  parseVerificationSummary,
  verificationSummaryStatement,
  type SummaryFacts,
} from '@airlock/common/slsa/vsa';
import { createApprovalWorld, type Person } from '@airlock/common/testing/approval-world';
import { createBundleWorld, join } from '@airlock/common/testing/bundle-world';
import { manifestBytes } from '@airlock/common/trust/configuration-manifest';
import { signedCommit } from '@airlock/common/testing/signed-commit';
import { keyIdOf } from '@airlock/common/trust/signer';
import { importPinned } from '../pinned.ts';

/** What differs from the good delivery; all of it is signed by the gate's own keys. */
export type EvidenceChanges = {
  readonly approvers?: readonly Person[];
  readonly summary?: Partial<SummaryFacts>;
  /** What the target file reads, by name of `worldReads`. Default db alone. */
  readonly reads?: readonly (keyof typeof worldReads)[];
  readonly record?: Partial<DeliveryRecord>;
  /** Another order of the ledger, or fewer entries. */
  readonly ledger?: (entries: readonly Buffer[]) => readonly Buffer[];
  readonly ledgerKey?: KeyObject;
  /** Another commit that was built; the roster lists the key of the usual one. */
  readonly built?: ReturnType<typeof signedCommit>;
  /** Digest of the software that ran the build. */
  readonly image?: string;
  /** Delivered so: the target file opens each for one release manager. */
  readonly waiver?: Waiver;
  /** Whether the roster lists the approvers' passkeys, as it does outside the demo. */
  readonly isListed?: boolean;
};

/** What a target file of this world may read, and what is issued for it. */
export const worldReads = {
  db: {
    read: { as: 'db', kind: 'database', mount: 'database', role: 'loader' },
    issued: { kind: 'database', ending: 'revocable', holder: 'v-load-1' },
    livesSeconds: 300,
  },
  web: {
    read: { as: 'web', kind: 'ssh', mount: 'ssh', role: 'deploy', principals: ['deploy'] },
    issued: { kind: 'ssh', ending: 'ttl-only', holder: 'vault-deploy-1' },
    livesSeconds: 180,
  },
  api: {
    read: { as: 'api', kind: 'kv', mount: 'kv', path: 'prod/api', field: 'token' },
    issued: { kind: 'kv', ending: 'by-hand', holder: 'kv v3 of 2026-08-01' },
    livesSeconds: null,
  },
} as const;

export function createEvidenceWorld() {
  const builds = createBundleWorld();
  const people = createApprovalWorld();
  const gate = people.origin;
  const ledgerName = 'gate.example/ledger';
  const ledgerKey = generateKeyPairSync('ed25519').privateKey;
  const attestation = newKey('ec');
  const administrators = ['ada', 'ben'].map((name) => ({ name, ...newKey('ed25519') }));
  const hook = `load@sha256:${'a'.repeat(64)}`;
  const usual = signedCommit('kim@example.com');
  const roster = {
    version: 1,
    people: [
      ...['dana', 'kim'].map((id) => personRow(id, ['developer', 'release-manager'])),
      ...['leo', 'mira', 'nora'].map((id) => personRow(id, ['release-manager'])),
    ],
    commitKeys: [
      {
        ...{ key: usual.key, owner: 'kim' },
        ...{ notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' },
      },
    ],
  };
  const dana = people.person('dana');
  const trust = Buffer.from(JSON.stringify({ version: 1, signers: builds.rows }));
  const pinned = importPinned({
    version: 1,
    signers: builds.rows,
    ledger: vkeyOf(ledgerName, ledgerKey),
    attestations: [
      { keyid: attestation.signing.keyid, publicKeyPem: attestation.pem, alg: 'ecdsa-p256-sha256' },
    ],
    administrators: {
      version: 1,
      threshold: 2,
      domains: 1,
      keys: administrators.map(({ name, pem, signing }) => ({
        ...{ keyid: signing.keyid, publicKeyPem: pem, alg: 'ed25519' },
        ...{ adminDomain: name, name },
      })),
    },
  });

  const at = (seconds: number): string =>
    new Date(builds.now.getTime() + seconds * 1000).toISOString();

  /** As the statement names them. */
  const credentialsOf = (reads: readonly (keyof typeof worldReads)[]): IssuedCredential[] =>
    reads.map((name) => {
      const { read, issued, livesSeconds } = worldReads[name];
      return {
        ...{ as: read.as, ...issued, issuedAt: at(12) },
        diesAt: livesSeconds === null ? null : at(12 + livesSeconds),
      };
    });

  async function files(changes: EvidenceChanges = {}): Promise<Map<string, Buffer>> {
    const target = builds.policy.target;
    const built = changes.built ?? usual;
    const reads = changes.reads ?? ['db'];
    const { waiver = null } = changes;
    const policy = Buffer.from(
      JSON.stringify({
        ...targetFile(
          builds.policy,
          hook,
          reads.map((name) => worldReads[name].read),
        ),
        ...(waiver === null
          ? {}
          : {
              windows: {
                override: {
                  ...{ role: 'release-manager', count: 1 },
                  ...{ reason: 'required', review: '4h' },
                },
              },
              breakGlass: {
                approvals: [{ role: 'release-manager', count: 1 }],
                review: { count: 2, within: '4h' },
              },
            }),
      }),
    );
    const enrolmentOf = ({ credential }: Person) => ({
      credentialId: credential.id,
      person: credential.approver,
      publicKeyPem: credential.publicKeyPem,
      rpId: credential.rpId,
      origin: gate,
    });
    const listed = [people.leo, people.mira].map(enrolmentOf);
    const withPasskeys = roster.people.map((row) => ({
      ...row,
      passkeys: listed.filter(({ person }) => person === row.id).map(enrolmentDigest),
    }));
    const rosterFile = Buffer.from(
      JSON.stringify(changes.isListed === true ? { ...roster, people: withPasskeys } : roster),
    );
    const delta = {
      ...{ base: null, commitCount: 1, emails: ['kim@example.com'] },
      ...{ fileCount: 0, files: [] },
    };
    const ran = { planDigest: 'c'.repeat(64), runnerImage: changes.image ?? 'e'.repeat(64) };
    const lines = builds.lines({
      build: { commit: built.commit, ran: { ...ran, planRederived: true } },
    });
    const bundle = join(lines);
    const provenance = JSON.parse(lines[0] ?? '{}') as { payload: string };
    const document = promotionDocument({
      ...{ gate, promotion: 'prm_0123456789', target, release: '2026.11.22-1', hook, params: {} },
      ...{ repository: builds.build.repository, commit: built.commit, position: 10 },
      subject: builds.build.subject.name,
      artifact: builds.build.subject.sha256,
      bundle: sha256Hex(bundle),
      provenance: sha256Hex(Buffer.from(provenance.payload, 'base64')),
      policy: sha256Hex(policy),
      roster: sha256Hex(rosterFile),
      base: null,
      delta: deltaDigest(delta),
      requester: 'dana',
      requestedAt: '2026-11-22T11:30:00Z',
      notAfter: '2026-11-23T12:00:00Z',
      ...waiverMembers(waiver),
    });
    const digest = promotionDigest(document);
    const approvers = changes.approvers ?? [people.leo, people.mira];
    const approvals = approvers.map((person) => ({
      evidence: people.approve(person, { statement: { promotionDigest: digest } }),
      signCountBefore: person.credential.signCount,
    }));
    const passkeys = approvers.map(enrolmentOf);
    const manifest = manifestBytes({
      version: 1,
      serial: 1,
      previous: null,
      files: {
        'roster.yaml': sha256Hex(rosterFile),
        [`targets/${target}.yaml`]: sha256Hex(policy),
        'trust.json': sha256Hex(trust),
      },
    });
    const [ada, ben] = administrators;
    if (ada === undefined || ben === undefined) throw new Error('two administrators');
    const signed = (statement: Buffer): Buffer =>
      Buffer.from(signEnvelope(intotoPayloadType, statement, [attestation.signing]));
    const summary = verificationSummaryStatement({
      ...{ gate, target, subject: builds.build.subject, version: '0.1.0' },
      policy: sha256Hex(policy),
      inputs: bundle
        .toString()
        .split('\n')
        .filter(Boolean)
        .map((line) => sha256Hex(Buffer.from(line))),
      timeVerified: at(1),
      levels: [
        'SLSA_BUILD_LEVEL_2',
        'AIRLOCK_SOURCE_ON_MAIN',
        'AIRLOCK_SOURCE_SIGNED',
        'AIRLOCK_PLAN_REDERIVED',
        'AIRLOCK_BUILDERS_1',
      ],
      ...changes.summary,
    });
    const entry = (
      type: LedgerEntryType,
      seconds: number,
      subjectDigest: string,
      refs: Record<string, string>,
    ): Buffer => ledgerEntry({ type, at: at(seconds), actor: 'gate', subjectDigest, refs });
    const delivery = 'dlv_0123456789';
    const session = 'vse_0123456789';
    const step = (type: LedgerEntryType, seconds: number, refs: Record<string, string>): Buffer =>
      entry(type, seconds, digest, { delivery, ...refs });
    const intent = step('delivery.intent', 10, { target });
    const credentials = credentialsOf(reads);
    const issued = credentials.map(({ as, kind, ending, holder, diesAt }) =>
      step('credential.issued', 12, {
        ...{ session, as, kind, ending, holder },
        ...(diesAt === null ? {} : { diesAt }),
      }),
    );
    const statements = approvals.map(({ evidence }) =>
      sha256Hex(Buffer.from(evidence.statement, 'base64')),
    );
    const outcome = changes.record?.outcome ?? 'succeeded';
    const log = deliveryLogText([
      { at: new Date(at(14)), stream: 'stdout', line: 'loaded 3 rows' },
    ]);
    const record: DeliveryRecord = {
      ...{ delivery, promotion: 'prm_0123456789', promotionDigest: digest, gate, target },
      ...{ release: '2026.11.22-1', repository: builds.build.repository },
      ...{ commit: built.commit, position: 10, artifactBytes: builds.artifact.length },
      approvals: approvers.map(({ name, credential }, index) => ({
        person: name,
        credential: credential.id,
        statement: statements[index] ?? '',
      })),
      policy: sha256Hex(policy),
      roster: sha256Hex(rosterFile),
      trust: sha256Hex(trust),
      configuration: sha256Hex(manifest),
      hook: { name: hook, startedAt: at(13), finishedAt: at(15), exit: 0 },
      ...{ startedAt: at(10), finishedAt: at(17), outcome },
      session: { id: session, accessor: null, revokedAt: at(16) },
      credentials,
      intent: leafHash(intent).toString('hex'),
      summary: sha256Hex(summary),
      log: { lines: 1, sha256: sha256Hex(Buffer.from(log)) },
      ...changes.record,
    };
    const statement = deliveryStatement(builds.build.subject, record);
    const told = [
      entry('configuration.changed', -9, sha256Hex(manifest), { serial: '1' }),
      ...passkeys.map((passkey) =>
        entry('passkey.enrolled', -5, enrolmentDigest(passkey), { person: passkey.person }),
      ),
      entry('git.head', -1, sha256Hex(Buffer.from(`${builds.build.repository} ${built.commit}`)), {
        repository: sha256Hex(Buffer.from(builds.build.repository)),
        ...{ commit: built.commit, position: '10' },
      }),
      entry('bundle.admitted', 0, sha256Hex(bundle), {
        ...{ promotion: 'prm_0123456789', target },
        commitObject: sha256Hex(built.object),
      }),
      entry('attestation.issued', 1, sha256Hex(summary), { kind: 'vsa', result: 'PASSED' }),
      ...statements.map((sha256, index) =>
        entry('approval.recorded', 5 + index, digest, { decision: 'approve', statement: sha256 }),
      ),
      intent,
      ...(waiver === null ? [] : [step(`${waiver.kind}.used`, 11, { asker: waiver.person })]),
      step('credential.requested', 11, { session }),
      ...issued,
      step('hook.started', 13, { hook }),
      step('hook.finished', 15, { hook, exit: '0' }),
      step('credential.revoked', 16, { session }),
      step('delivery.finished', 17, { state: 'succeeded' }),
      entry('attestation.issued', 19, sha256Hex(statement), { kind: 'delivery' }),
    ];
    const archive = new Map<string, Buffer>([
      ['README.txt', Buffer.from('see airlock verify\n')],
      ['promotion.json', document],
      ['changes.json', canonicalJson(delta)],
      ['bundle.intoto.jsonl', bundle],
      ['commit', built.object],
      ['rebuilds.intoto.jsonl', Buffer.alloc(0)],
      ['approvals.json', Buffer.from(JSON.stringify({ approvals, passkeys }))],
      ['policy.yaml', policy],
      ['roster.yaml', rosterFile],
      ['trust.json', trust],
      [
        'manifest.dsse.json',
        Buffer.from(signEnvelope(configurationPayloadType, manifest, [ada.signing, ben.signing])),
      ],
      ['vsa.dsse.json', signed(summary)],
      ['delivery.dsse.json', signed(statement)],
      ['log.txt', Buffer.from(log)],
    ]);
    for (const [name, content] of describeRecords({
      subject: builds.build.subject,
      delivery: record,
      summary: parseVerificationSummary(summary).predicate,
    })) {
      archive.set(name, Buffer.from(content));
    }
    await addLedger(archive, changes.ledger?.(told) ?? told, {
      name: ledgerName,
      privateKey: changes.ledgerKey ?? ledgerKey,
    });
    return archive;
  }

  return { builds, people, dana, pinned, hook, files, credentialsOf };
}

/** The archive of these files, with a manifest that fits them, as whoever alters one would write it. */
export function archiveOf(files: ReadonlyMap<string, Buffer>): Buffer {
  const whole = new Map(files);
  whole.delete('MANIFEST.sha256');
  const lines = [...whole].map(([name, content]) => `${sha256Hex(content)}  ${name}\n`).sort();
  whole.set('MANIFEST.sha256', Buffer.from(lines.join('')));
  return tarOf(whole, new Date('2026-11-22T12:00:17Z'));
}

async function addLedger(
  archive: Map<string, Buffer>,
  entries: readonly Buffer[],
  signer: { readonly name: string; readonly privateKey: KeyObject },
): Promise<void> {
  const tree = appendLeaves([], 0, entries.map(leafHash));
  const note = signCheckpoint(signer, tree);
  const lines = entries.map(
    (body, index) => `${JSON.stringify({ index, body: body.toString('base64') })}\n`,
  );
  archive.set('ledger/entries.ndjson', Buffer.from(lines.join('')));
  archive.set('ledger/checkpoint', Buffer.from(note));
  for (const index of entries.keys()) {
    const hashes = await buildInclusionProof(
      ({ level, n }) =>
        Promise.resolve(
          tree.dirtyTiles.find((tile) => tile.level === level && tile.n === n)?.hashes ?? null,
        ),
      index,
      tree.size,
    );
    archive.set(
      proofFile(index),
      Buffer.from(formatTlogProof({ index, hashes, checkpoint: note })),
    );
  }
}

function newKey(kind: 'ec' | 'ed25519'): { signing: SigningKey; pem: string } {
  const { publicKey, privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('ed25519');
  return {
    signing: { keyid: keyIdOf(publicKey), privateKey },
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

const personRow = (id: string, roles: readonly string[]) => ({
  ...{ id, name: id, nameId: id, roles, gitEmails: [`${id}@example.com`] },
});

function targetFile(
  policy: ReturnType<typeof createBundleWorld>['policy'],
  hook: string,
  reads: readonly unknown[],
): Record<string, unknown> {
  const { target } = policy;
  return {
    version: 1,
    target,
    admits: [
      {
        ...{ repo: policy.repository, refs: [policy.ref], pipeline: policy.pipeline },
        ...{ releaseFile: policy.release, subject: policy.subjectName },
        builders: {
          ...{ id: policy.builderId, threshold: policy.threshold },
          images: [`sha256:${'e'.repeat(64)}`],
        },
        ...{ maxAge: '14d', tests: 'required', signedCommits: 'required' },
      },
    ],
    approvals: {
      rules: [{ role: 'release-manager', count: 2 }],
      exclude: ['requester', 'authors', 'committers'],
      expires: '24h',
    },
    credentials: {
      vault: {
        ...{ jwtMount: 'jwt', jwtRole: 'deliver', ttl: '5m' },
        ...{ reads, outlives: ['ttl-only', 'by-hand'] },
      },
    },
    deliver: {
      ...{ hook, timeout: '2m', params: {} },
      egress: [{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: 5432, name: 'shop' }],
    },
  };
}
