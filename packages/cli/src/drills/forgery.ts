/**
 * What somebody with root on the non-prod side can make: evidence of builds that never were, signed with every key of the
 * signer, and well-chained items of the outbox. Drills and tests offer it to the gate.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineImage } from '@airlock/build/machine-image';
import { intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope, type SigningKey } from '@airlock/common/dsse/sign';
import { canonicalJson } from '@airlock/common/encoding/canonical-json';
import { formatId } from '@airlock/common/ids';
import { promotionRequestStatement } from '@airlock/common/intoto/promotion-request';
import { testResultStatement } from '@airlock/common/intoto/test-result';
import { provenanceStatement } from '@airlock/common/slsa/provenance';
import { formatTimestamp } from '@airlock/common/time';
import type { OutboxItem } from '@airlock/common/wire/outbox';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planMain } from '@airlock/pipeline/run-plan';

/** The pipeline's only file that the target admits. */
const artifactName = 'shop-api.tar.gz';

/** What a forged bundle says; everything else about it is as a genuine build of main would have it. */
export interface Forgery {
  readonly commit: string;
  readonly artifact: Buffer;
  /** Default `refs/heads/main`. */
  readonly ref?: string;
  /** Whose name the provenance carries. Default the builder of main. */
  readonly builder?: 'main' | 'pr';
  /** Who signs the provenance. Default the stolen key of the main builder. */
  readonly signer?: SigningKey;
  /** Pretended pipeline blob. Default the one at the commit. */
  readonly pipelineBlob?: string;
  /** Pretended plan. Default the one that main's files make. */
  readonly planDigest?: string;
  /** Pretended software of the runner. Default that of the demo's runner. */
  readonly runnerImage?: string;
}

export interface Offer {
  readonly bundle: Buffer;
  readonly artifact: Buffer;
  /** Default the demo's target. */
  readonly claimedTarget?: string;
  /** What the item says the artifact is. Default the digest of `artifact`. */
  readonly artifactDigest?: string;
}

/** The keys of the signer: each signs one kind of evidence. */
export type StolenKeys = Readonly<Record<'main' | 'pr' | 'test' | 'promotion', SigningKey>>;

export interface Owned {
  readonly nonprodOrigin: string;
  readonly repositoryUrl: string;
  /** What a request claims to be for when nothing else is said. */
  readonly target: string;
  /** Nonprod's artifact store. */
  readonly artifactsDirectory: string;
  readonly stolen: StolenKeys;
  /** What git of the repository says. */
  readonly git: (...args: readonly string[]) => Promise<string>;
  /** As the owner of nonprod's database. */
  readonly query: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;
}

export interface Forger {
  readonly stolen: StolenKeys;
  /** The three envelopes of a bundle: provenance, test result, promotion request. */
  envelopes(forgery: Forgery): Promise<[string, string, string]>;
  /** Puts both blobs into nonprod's store and a well-chained item into its outbox; the item's number. */
  publish(offer: Offer): Promise<number>;
  /** Writes bytes under a name of nonprod's artifact store, whatever stood there. */
  writeBlob(digest: string, bytes: Buffer): void;
  blobFile(digest: string): string;
}

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

export const bundleOf = (envelopes: readonly string[]): Buffer =>
  Buffer.from(envelopes.map((line) => `${line}\n`).join(''));

/** The hash that chains an outbox item to the next one, as the wire format defines it. */
export function itemHash(item: Omit<OutboxItem, 'hash'>): string {
  const { seq, prevHash, id, createdAt, bundle, artifact, claimedTarget } = item;
  return sha256(
    canonicalJson({
      seq,
      prevHash,
      id,
      createdAt,
      bundle: { digest: bundle.digest, size: bundle.size },
      artifact: { digest: artifact.digest, size: artifact.size },
      claimedTarget,
    }),
  );
}

export async function createForger(owned: Owned): Promise<Forger> {
  const { stolen, nonprodOrigin, target, query } = owned;
  // Requests of the attacker's own making have no row in promotion_request; whoever owns the database drops the constraint.
  await query('alter table outbox_item drop constraint if exists outbox_item_id_fkey');
  const ago = (seconds: number): string => formatTimestamp(new Date(Date.now() - seconds * 1000));
  const blobs = join(owned.artifactsDirectory, 'blobs', 'sha256');

  const forger: Forger = {
    stolen,
    async envelopes(forgery) {
      const { commit, artifact, ref = 'refs/heads/main', builder = 'main' } = forgery;
      const subject = { name: artifactName, sha256: sha256(artifact) };
      const pipeline = '.woodpecker.yaml';
      const pipelineBlob =
        forgery.pipelineBlob ?? (await owned.git('rev-parse', `${commit}:${pipeline}`));
      const runnerImage = forgery.runnerImage ?? (await machineImage(null)).digest;
      const provenance = provenanceStatement({
        subject,
        builderId: `${nonprodOrigin}/builders/${builder}@v1`,
        repository: owned.repositoryUrl,
        ref,
        commit,
        pipeline,
        pipelineBlob,
        release: '.airlock/release.yaml',
        invocationId: `${nonprodOrigin}/runs/${formatId('run', randomBytes(10))}`,
        startedOn: ago(30),
        finishedOn: ago(20),
        ran: {
          planDigest: forgery.planDigest ?? (await planOf(owned)),
          runnerImage,
          planRederived: true,
        },
      });
      const request = promotionRequestStatement(subject, {
        target,
        // Each of its own: production tells by the release where its products are from.
        release: `forged-${randomBytes(4).toString('hex')}`,
        requester: {
          id: 'dana@demo.airlock.example',
          idp: 'https://idp.demo.airlock.example/metadata',
        },
        reason: 'please hurry',
        requestedAt: ago(10),
        provenance: sha256(provenance),
      });
      const tests = testResultStatement({ subject, result: 'PASSED', pipeline, pipelineBlob });
      return [
        signEnvelope(intotoPayloadType, provenance, [forgery.signer ?? stolen.main]),
        signEnvelope(intotoPayloadType, tests, [stolen.test]),
        signEnvelope(intotoPayloadType, request, [stolen.promotion]),
      ];
    },

    blobFile: (digest) => join(blobs, digest),

    writeBlob(digest, bytes) {
      mkdirSync(blobs, { recursive: true });
      const file = join(blobs, digest);
      rmSync(`${file}.new`, { force: true });
      writeFileSync(`${file}.new`, bytes, { mode: 0o444 });
      renameSync(`${file}.new`, file);
    },

    async publish({ bundle, artifact, claimedTarget = target, artifactDigest }) {
      forger.writeBlob(sha256(bundle), bundle);
      forger.writeBlob(sha256(artifact), artifact);
      for (;;) {
        const [tip] = await query('select seq, hash from outbox_counter');
        if (tip === undefined) throw new Error('nonprod has no outbox_counter');
        const item = {
          seq: Number(tip['seq']) + 1,
          prevHash: String(tip['hash']),
          id: formatId('prq', randomBytes(10)),
          createdAt: formatTimestamp(new Date()),
          bundle: { digest: sha256(bundle), size: bundle.length },
          artifact: { digest: artifactDigest ?? sha256(artifact), size: artifact.length },
          claimedTarget,
        };
        const hash = itemHash(item);
        const written = await query(
          `with tip as (update outbox_counter set seq = $1, hash = $2 where hash = $3 returning 1)
           insert into outbox_item (seq, id, prev_hash, hash, created_at, bundle_digest, bundle_size, artifact_digest, artifact_size, claimed_target)
           select $1, $4, $3, $2, $5, $6, $7, $8, $9, $10 from tip returning seq`,
          [
            item.seq,
            hash,
            item.prevHash,
            item.id,
            item.createdAt,
            item.bundle.digest,
            item.bundle.size,
            item.artifact.digest,
            item.artifact.size,
            item.claimedTarget,
          ],
        );
        // Otherwise the genuine scheduler was faster; the next number is tried.
        if (written.length === 1) return item.seq;
      }
    },
  };
  return forger;
}

/** Digest of the plan that the files of main's head make; the tests change neither of them. */
async function planOf({ git }: Owned): Promise<string> {
  const show = (path: string): Promise<string> => git('show', `refs/heads/main:${path}`);
  const planned = planMain({
    pipelines: [{ path: '.woodpecker.yaml', text: await show('.woodpecker.yaml') }],
    release: await show('.airlock/release.yaml'),
  });
  if (planned.kind !== 'run') throw new Error(`main has no plan: ${JSON.stringify(planned)}`);
  return planDigest(planned.plan);
}
