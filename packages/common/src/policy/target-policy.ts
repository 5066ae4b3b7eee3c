/**
 * The target file: what may be delivered where, by whom, with what. Reviewed and signed as a file, never edited in a page;
 * the SHA-256 of its bytes is part of every promotion document, so a changed file voids the approvals given before.
 */
import { z } from 'zod';
import { CommitKey, forgeOwner } from '../trust/commit-signature.ts';
import { ArtifactName, GitCommit, Name, RepositoryPath, Sha256Hex } from '../wire/scalars.ts';
import { longestDeliverySeconds } from './delivery-time.ts';
import { Duration } from './duration.ts';
import { Role, TargetApprovals } from './target-approvals.ts';
import { TargetBreakGlass } from './target-break-glass.ts';
import { VaultCredentials } from './target-credentials.ts';
import {
  TargetConcurrency,
  TargetDelivery,
  TargetObserve,
  TargetRollback,
  TargetVerify,
} from './target-delivery.ts';
import { egressFaults } from './target-egress.ts';
import { TargetNotify } from './target-notify.ts';
import { TargetWindows } from './target-windows.ts';

export const TargetPolicy = z
  .strictObject({
    version: z.literal(1),
    target: Name.describe('Name of the target, the same as the file name without .yaml.'),
    admits: z
      .array(
        z.strictObject({
          repo: z.string().describe('Exact URL of the repository, as the gate fetches it.'),
          refs: z.array(z.literal('refs/heads/main')).length(1),
          pipeline: RepositoryPath.describe('Pipeline file that must have built the release.'),
          releaseFile: RepositoryPath.describe('Release file at the same commit.'),
          subject: ArtifactName.describe('Artifact name that provenance must state.'),
          builders: z
            .strictObject({
              id: z.string().describe('Exact builder.id of the main builder.'),
              threshold: z
                .number()
                .int()
                .min(1)
                .max(8)
                .describe(
                  'How many must vouch for the bytes (1-8). With `of`: builders, the main one among them, that must have made the same bytes. Without: distinct keys that must have signed the one provenance.',
                ),
              images: z
                .array(z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 hex>'))
                .min(1)
                .max(64)
                .describe(
                  'Software of the runners on which a build may have run, as each runner logs it at its start. A build on any other is not admitted.',
                ),
              independence: z
                .tuple([z.literal('adminDomain')])
                .default(['adminDomain'])
                .describe(
                  'What two builders must not have in common to count as two: their administrators, as the trust rows say. Default and only value: [adminDomain].',
                ),
              of: z
                .array(z.string().min(1).max(1024))
                .max(8)
                .default([])
                .describe(
                  'Exact builder.id of every rebuilder that is asked to build again. Default none: the bytes rest on one builder.',
                ),
            })
            .superRefine(({ id, threshold, of }, context) => {
              if (of.length > 0 && threshold > of.length + 1) {
                context.addIssue({
                  code: 'custom',
                  path: ['threshold'],
                  message: `${threshold} builders cannot agree where of lists ${of.length} beside the main one; list more or lower it`,
                });
              }
              if (new Set([id, ...of]).size !== of.length + 1) {
                context.addIssue({
                  code: 'custom',
                  path: ['of'],
                  message: 'each builder once, and not the main one; remove the repeated one',
                });
              }
            }),
          maxAge: Duration.describe('Oldest build that may be delivered, such as 14d.'),
          tests: z.enum(['required', 'not-required']),
          signedCommits: z.enum(['required', 'not-required']),
        }),
      )
      .length(1),
    approvals: TargetApprovals,
    windows: TargetWindows.optional().describe('When it may start. Default: at all times.'),
    breakGlass: TargetBreakGlass.optional().describe(
      'How it may be delivered without its approvals and outside its windows, and what is owed for that. Default: never.',
    ),
    concurrency: TargetConcurrency.default({ limit: 1, queue: 'newest' }).describe(
      'How releases wait for each other. Default: {limit: 1, queue: newest}.',
    ),
    credentials: z.strictObject({ vault: VaultCredentials }),
    deliver: TargetDelivery,
    verify: TargetVerify.optional().describe('How it is seen that the delivery is well.'),
    rollback: TargetRollback.optional().describe('How an earlier release is put back.'),
    observe: TargetObserve.optional().describe(
      'How it is noticed between deliveries that something else runs there. Default: nobody looks.',
    ),
    shadow: z
      .strictObject({
        approvals: TargetApprovals,
        windows: TargetWindows.omit({ override: true }).optional(),
      })
      .optional()
      .describe(
        'Rules on trial: they are judged beside those in force and shown, and never decide.',
      ),
    notify: TargetNotify.optional(),
  })
  .superRefine(({ approvals, credentials, deliver, verify, rollback }, context) => {
    const { ttl, reads } = credentials.vault;
    const needed = longestDeliverySeconds({ deliver, verify, rollback });
    if (ttl < needed) {
      context.addIssue({
        code: 'custom',
        path: ['credentials', 'vault', 'ttl'],
        message: `${ttl} s is too short: waves, pauses, verification, return and a margin of 30 s take ${needed} s at the longest; raise it, or shorten deliver.timeout (${deliver.timeout} s) or what comes after`,
      });
    }
    if (deliver.cooling !== undefined && deliver.cooling >= approvals.expires) {
      context.addIssue({
        code: 'custom',
        path: ['deliver', 'cooling'],
        message: `${deliver.cooling} s is too long: approvals are over after approvals.expires (${approvals.expires} s), before it could start; shorten it or let them count longer`,
      });
    }
    if (deliver.pause !== undefined && deliver.waves === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['deliver', 'pause'],
        message:
          'there is nothing between waves without deliver.waves; name the waves or remove it',
      });
    }
    if (rollback?.auto === 'onVerifyFailed' && verify === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['rollback', 'auto'],
        message: 'onVerifyFailed never happens without verify; add verify or write never',
      });
    }
    for (const { index, message } of egressFaults(deliver.egress, reads)) {
      context.addIssue({ code: 'custom', path: ['deliver', 'egress', index], message });
    }
  });
export type TargetPolicy = z.infer<typeof TargetPolicy>;

/** Who the gate's people are. The identity provider says who signs in; this file says what they may do. */
export const Roster = z
  .strictObject({
    version: z.literal(1),
    people: z.array(
      z.strictObject({
        id: Name,
        name: z.string(),
        nameId: z.string().describe('NameID that the identity provider sends, compared exactly.'),
        roles: z.array(Role),
        mail: z
          .string()
          .max(254)
          .regex(
            /^[A-Za-z0-9_.'+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*$/,
            'expected an address such as mira@example.com',
          )
          .optional()
          .describe('Where this person is written to. Left out: nowhere.'),
        gitEmails: z
          .array(z.string())
          .describe('Author and committer addresses, so that authors never count as approvers.'),
        configurationKeys: z
          .array(z.string())
          .exactOptional()
          .describe(
            "Ids of the keys with which this person signs the gate's configuration, for targets that exclude policyEditors. Default none.",
          ),
        passkeys: z
          .array(Sha256Hex)
          .optional()
          .describe(
            "Digests of the enrolments that count for this person, as in the ledger's passkey.enrolled entries. Without it every enrolment in the ledger counts, and whoever captures the gate's web process can enrol one; list them in production.",
          ),
      }),
    ),
    commitKeys: z
      .array(CommitKey)
      .default([])
      .describe(
        'SSH keys whose signatures on commits count, where a target demands signed commits. Default none.',
      ),
    acceptedMains: z
      .array(
        z.strictObject({
          repository: z.string().describe('Exact URL, as target files name it.'),
          from: GitCommit.describe('The head that the gate saw last, as its freeze names it.'),
          to: GitCommit.describe('The head of the rewritten main that counts from now on.'),
        }),
      )
      .default([])
      .describe(
        'Rewrites of main that were looked into and accepted; each lifts the freeze that it caused. Default none.',
      ),
  })
  .superRefine(({ people, commitKeys }, context) => {
    const ids = new Set(people.map(({ id }) => id));
    if (ids.has(forgeOwner)) {
      context.addIssue({
        code: 'custom',
        path: ['people'],
        message: `${forgeOwner} is the name of the forge's key; give the person another id`,
      });
    }
    for (const [index, { key, owner }] of commitKeys.entries()) {
      const add = (message: string): void => {
        context.addIssue({ code: 'custom', path: ['commitKeys', index], message });
      };
      if (owner !== forgeOwner && !ids.has(owner)) {
        add(`owner ${owner} is nobody in people; correct it, or write ${forgeOwner}`);
      }
      // Its comment is not part of a key.
      const bare = (line: string): string => line.split(' ').slice(0, 2).join(' ');
      if (commitKeys.findIndex((other) => bare(other.key) === bare(key)) !== index) {
        add('this key stands in an earlier row; keep one');
      }
    }
  });
export type Roster = z.infer<typeof Roster>;

export const HookDigest = Sha256Hex;
