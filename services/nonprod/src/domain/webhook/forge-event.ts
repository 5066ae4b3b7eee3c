/** What a forge's webhook says, in one shape for all forges. Names in it are the forge's: text, and never a path or a command. */
import { z } from 'zod';
import type { Provider } from '@airlock/common/webhook/provider';

export interface PullRequestNews {
  readonly number: number;
  /** Null where the forge shortens it (Bitbucket Cloud): git says it then. */
  readonly headCommit: string | null;
  /** Full name of the repository that it comes from; null once that was deleted. */
  readonly headRepository: string | null;
  readonly sourceBranch: string;
  readonly baseBranch: string;
  /** By the forge's immutable id: a name can be taken over by somebody else. */
  readonly author: { readonly id: string; readonly name: string } | null;
  /** True as well where the forge does not say where it comes from. */
  readonly isFork: boolean;
  readonly title: string;
  readonly state: 'open' | 'closed' | 'merged';
  readonly draft: boolean;
  readonly labels: readonly string[];
  /** By the forge's clock; an older delivery never overwrites a newer one. */
  readonly updatedAt: Date;
}

/** Which repository a payload is about. */
export interface PayloadRepository {
  /** Such as `shop/web`. */
  readonly fullName: string;
  /** Every address that the payload names. */
  readonly urls: readonly string[];
}

export type ForgeEvent =
  | {
      /** Branches or tags moved, came or went. Git says which and where to. */
      readonly kind: 'refs-moved';
      readonly repository: PayloadRepository;
      /** Full refs. */
      readonly refs: readonly string[];
    }
  | {
      readonly kind: 'pull-request';
      readonly repository: PayloadRepository;
      /**
       * commits: opened, opened again or pushed to. closed: merged too. metadata: title, labels, milestone, reviewers,
       * draft. noted: nothing that a pipeline can wait for.
       */
      readonly change: 'commits' | 'closed' | 'metadata' | 'noted';
      readonly pullRequest: PullRequestNews;
    }
  | {
      readonly kind: 'release';
      readonly repository: PayloadRepository;
      readonly tag: string;
      readonly title: string;
      readonly prerelease: boolean;
    }
  | {
      readonly kind: 'deployment';
      readonly repository: PayloadRepository;
      readonly commit: string;
      /** As the forge was asked: a branch, a tag or a commit. */
      readonly ref: string;
      readonly environment: string;
      readonly task: string;
    }
  /** The forge tries the hook out. */
  | { readonly kind: 'ping' }
  /** Known, and without meaning for builds. */
  | { readonly kind: 'ignored'; readonly why: string }
  | {
      readonly kind: 'refused';
      readonly code: 'event-unknown' | 'payload-malformed';
      readonly why: string;
    };

export interface Payload {
  /** Value of the forge's event header. */
  readonly event: string;
  readonly json: unknown;
}

export const ignored = (event: string): ForgeEvent => ({
  kind: 'ignored',
  why: `${event}: nothing is built on it`,
});

export const unknownEvent = (provider: Provider, event: string): ForgeEvent => ({
  kind: 'refused',
  code: 'event-unknown',
  why: `${provider} has no event ${JSON.stringify(event.slice(0, 64))} that is known here`,
});

/** Reads a payload by its schema; one that is otherwise is refused with the field's name. */
export function reading<T>(
  { event, json }: Payload,
  schema: z.ZodType<T>,
  then: (payload: T) => ForgeEvent,
): ForgeEvent {
  const parsed = schema.safeParse(json);
  if (parsed.success) return then(parsed.data);
  const [issue] = parsed.error.issues;
  return {
    kind: 'refused',
    code: 'payload-malformed',
    why: `${event}: ${issue?.path.join('.') || 'the payload'}: ${issue?.message ?? 'malformed'}`,
  };
}

export const Commit = z.string().regex(/^[0-9a-f]{40}$/, 'expected a full commit id');
export const RefName = z.string().min(1).max(255);
export const Text = z
  .string()
  .max(4096)
  .transform((text) => text.slice(0, 500));
export const ForgeId = z.union([z.number().int(), z.string().min(1).max(128)]).transform(String);
/** Gitea and GitLab have written times without a zone or with `UTC` in the place of `Z`. */
export const Time = z
  .string()
  .max(64)
  .transform((text) => new Date(text.replace(/ UTC$/, 'Z')))
  .refine((time) => !Number.isNaN(time.getTime()), 'expected a time');
