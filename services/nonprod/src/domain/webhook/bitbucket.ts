/** Bitbucket Cloud's webhooks. https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/ */
import { z } from 'zod';
import {
  ForgeId,
  ignored,
  reading,
  RefName,
  Text,
  Time,
  unknownEvent,
  type ForgeEvent,
  type Payload,
  type PayloadRepository,
} from './forge-event.ts';

const Repository = z
  .object({
    full_name: z.string().max(255),
    links: z.object({ html: z.object({ href: z.string().max(1024) }).optional() }).optional(),
  })
  .transform(({ full_name: fullName, links }): PayloadRepository => ({
    fullName,
    urls: links?.html === undefined ? [] : [links.html.href],
  }));

const Ref = z.object({ type: z.string().max(64), name: RefName });
const Push = z.object({
  repository: Repository,
  push: z.object({
    changes: z.array(z.object({ new: Ref.nullish(), old: Ref.nullish() })).max(1000),
  }),
});

const Side = z.object({
  branch: z.object({ name: RefName }),
  // Twelve digits, or null once the source is gone.
  commit: z.object({ hash: z.string().regex(/^[0-9a-f]{7,40}$/) }).nullish(),
  repository: z.object({ full_name: Text, uuid: ForgeId }).nullish(),
});
const PullRequest = z.object({
  repository: Repository,
  pullrequest: z.object({
    id: z.int().positive(),
    title: Text,
    state: z.enum(['OPEN', 'MERGED', 'DECLINED', 'SUPERSEDED']),
    draft: z.boolean().nullish(),
    author: z.object({ uuid: ForgeId, nickname: Text.optional(), display_name: Text }).nullish(),
    source: Side,
    destination: Side,
    updated_on: Time,
  }),
});

const states = {
  OPEN: 'open',
  MERGED: 'merged',
  DECLINED: 'closed',
  SUPERSEDED: 'closed',
} as const;
const changes = {
  'pullrequest:created': 'commits',
  // New commits and a new title look alike.
  'pullrequest:updated': 'commits',
  'pullrequest:fulfilled': 'closed',
  'pullrequest:rejected': 'closed',
} as const;

const pullRequest = (payload: Payload, change: 'commits' | 'closed'): ForgeEvent =>
  reading(payload, PullRequest, ({ repository, pullrequest: pull }) => {
    const from = pull.source.repository ?? null;
    const hash = pull.source.commit?.hash ?? '';
    const author = pull.author ?? null;
    return {
      kind: 'pull-request',
      repository,
      change,
      pullRequest: {
        number: pull.id,
        headCommit: hash.length === 40 ? hash : null,
        headRepository: from?.full_name ?? null,
        sourceBranch: pull.source.branch.name,
        baseBranch: pull.destination.branch.name,
        author:
          author === null
            ? null
            : { id: author.uuid, name: author.nickname ?? author.display_name },
        isFork: from === null || from.uuid !== pull.destination.repository?.uuid,
        title: pull.title,
        state: states[pull.state],
        draft: pull.draft ?? false,
        labels: [],
        updatedAt: pull.updated_on,
      },
    };
  });

function fullRef({ type, name }: z.infer<typeof Ref>): string | null {
  if (type === 'branch' || type === 'named_branch') return `refs/heads/${name}`;
  return type === 'tag' || type === 'annotated_tag' ? `refs/tags/${name}` : null;
}

const ignores = new Set(
  (
    'issue:comment_created issue:created issue:updated pullrequest:approved pullrequest:changes_request_created ' +
    'pullrequest:changes_request_removed pullrequest:comment_created pullrequest:comment_deleted ' +
    'pullrequest:comment_reopened pullrequest:comment_resolved pullrequest:comment_updated pullrequest:push ' +
    'pullrequest:unapproved repo:commit_comment_created repo:commit_status_created repo:commit_status_updated ' +
    'repo:created repo:deleted repo:fork repo:imported repo:transfer repo:updated'
  ).split(' '),
);

export function fromBitbucket(payload: Payload): ForgeEvent {
  const { event } = payload;
  switch (event) {
    case 'repo:push':
      return reading(payload, Push, ({ repository, push }) => ({
        kind: 'refs-moved',
        repository,
        refs: push.changes
          .map((change) => change.new ?? change.old ?? null)
          .map((ref) => (ref === null ? null : fullRef(ref)))
          .filter((ref) => ref !== null),
      }));
    case 'pullrequest:created':
    case 'pullrequest:updated':
    case 'pullrequest:fulfilled':
    case 'pullrequest:rejected':
      return pullRequest(payload, changes[event]);
    default:
      return ignores.has(event) ? ignored(event) : unknownEvent('bitbucket', event);
  }
}
