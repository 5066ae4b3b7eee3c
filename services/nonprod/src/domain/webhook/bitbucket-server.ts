/** Bitbucket Data Center's webhooks. https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html */
import { z } from 'zod';
import {
  Commit,
  ForgeId,
  ignored,
  reading,
  RefName,
  Text,
  unknownEvent,
  type ForgeEvent,
  type Payload,
  type PayloadRepository,
} from './forge-event.ts';

const RawRepository = z.object({
  id: ForgeId,
  slug: z.string().max(128),
  project: z.object({ key: z.string().max(128) }),
  links: z.object({ clone: z.array(z.object({ href: z.string().max(1024) })).max(8) }).optional(),
});
const fullNameOf = ({ project, slug }: z.infer<typeof RawRepository>): string =>
  `${project.key}/${slug}`;
const payloadRepository = (raw: z.infer<typeof RawRepository>): PayloadRepository => ({
  fullName: fullNameOf(raw),
  urls: (raw.links?.clone ?? []).map(({ href }) => href),
});

const Push = z.object({
  repository: RawRepository,
  changes: z.array(z.object({ ref: z.object({ id: RefName }) })).max(1000),
});
const Side = z.object({ displayId: RefName, latestCommit: Commit, repository: RawRepository });
const PullRequest = z.object({
  pullRequest: z.object({
    id: z.int().positive(),
    title: Text,
    state: z.enum(['OPEN', 'MERGED', 'DECLINED']),
    draft: z.boolean().nullish(),
    /** Milliseconds since 1970. */
    updatedDate: z.int().positive(),
    author: z.object({ user: z.object({ id: ForgeId, name: Text }) }).nullish(),
    fromRef: Side,
    toRef: Side,
  }),
});

const states = { OPEN: 'open', MERGED: 'merged', DECLINED: 'closed' } as const;

const pullRequest = (
  payload: Payload,
  change: 'commits' | 'closed' | 'metadata' | 'noted',
): ForgeEvent =>
  reading(payload, PullRequest, ({ pullRequest: pull }) => {
    const author = pull.author?.user ?? null;
    return {
      kind: 'pull-request',
      repository: payloadRepository(pull.toRef.repository),
      change,
      pullRequest: {
        number: pull.id,
        headCommit: pull.fromRef.latestCommit,
        headRepository: fullNameOf(pull.fromRef.repository),
        sourceBranch: pull.fromRef.displayId,
        baseBranch: pull.toRef.displayId,
        author: author === null ? null : { id: author.id, name: author.name },
        isFork: pull.fromRef.repository.id !== pull.toRef.repository.id,
        title: pull.title,
        state: states[pull.state],
        draft: pull.draft ?? false,
        labels: [],
        updatedAt: new Date(pull.updatedDate),
      },
    };
  });

const ignores = new Set(
  (
    'mirror:repo_synchronized pr:comment:added pr:comment:deleted pr:comment:edited pr:reviewer:approved ' +
    'pr:reviewer:changes_requested pr:reviewer:needs_work pr:reviewer:unapproved project:modified repo:comment:added ' +
    'repo:comment:deleted repo:comment:edited repo:forked repo:modified repo:secret_deleted'
  ).split(' '),
);

export function fromBitbucketServer(payload: Payload): ForgeEvent {
  switch (payload.event) {
    case 'repo:refs_changed':
      return reading(payload, Push, ({ repository, changes }) => ({
        kind: 'refs-moved',
        repository: payloadRepository(repository),
        refs: changes.map(({ ref }) => ref.id),
      }));
    case 'pr:opened':
    case 'pr:from_ref_updated':
      return pullRequest(payload, 'commits');
    case 'pr:merged':
    case 'pr:declined':
    case 'pr:deleted':
      return pullRequest(payload, 'closed');
    case 'pr:modified':
    case 'pr:reviewer:updated':
      return pullRequest(payload, 'metadata');
    case 'pr:to_ref_updated':
      return pullRequest(payload, 'noted');
    case 'diagnostics:ping':
      return { kind: 'ping' };
    default:
      return ignores.has(payload.event)
        ? ignored(payload.event)
        : unknownEvent('bitbucket-server', payload.event);
  }
}
