/**
 * Who may read a secret: which runs, on which machines, in which steps. Zuul's rules, with one that no filter lifts: what a
 * stranger wrote reads nothing.
 *
 * @see https://zuul-ci.org/docs/zuul/latest/project-config.html#secret
 */
import { matchesGlob } from '@airlock/pipeline/glob';
import { z } from 'zod';
import { RepositoryLabel } from './labels.ts';
import { trustLevels } from './trust-level.ts';

export const secretEvents = [
  'push',
  'pull_request',
  'pull_request_closed',
  'pull_request_metadata',
  'tag',
  'release',
  'deployment',
  'cron',
  'manual',
] as const;

/** Runs of these are of a pull request's commit, which no protection of a branch has let in yet. */
const ofPullRequests: readonly string[] = [
  'pull_request',
  'pull_request_closed',
  'pull_request_metadata',
];

const Glob = z
  .string()
  .regex(/^[A-Za-z0-9*?][A-Za-z0-9*?._/:@+-]{0,254}$/, 'expected a name, with * and ? if need be');

export const SecretFilters = z
  .strictObject({
    events: z
      .array(z.enum(secretEvents))
      .min(1, 'name at least one event')
      .max(9)
      .default(['push']),
    refs: z
      .array(Glob)
      .max(32)
      .default([])
      .describe(
        'Branches, or whole refs such as refs/tags/v*; of a pull request, the branch that it is for. `*` stays within a part, `**` does not. Empty: any.',
      ),
    protectedOnly: z
      .boolean()
      .default(true)
      .describe('Only runs of protected branches and tags: those that others have reviewed.'),
    images: z
      .array(Glob)
      .max(32)
      .default([])
      .describe(
        'Only plugins of these images, with or without a tag. A step that runs commands of its own could print it, whatever its image. Empty: any step.',
      ),
    leastTrust: z.literal(trustLevels).default(2).describe('Least trust of the pool that runs it.'),
    labels: z
      .array(RepositoryLabel)
      .max(16)
      .default([])
      .describe(
        'Other repositories that have every one of these labels are given it too. Empty: its own alone.',
      ),
    approvedOnly: z.boolean().default(false).describe('Only runs that a person has released.'),
    expiresAt: z.iso.datetime().nullable().default(null),
    rotateEveryDays: z
      .int()
      .min(1)
      .max(3650)
      .nullable()
      .default(null)
      .describe('Shown as overdue when it was not set anew for so many days; read all the same.'),
  })
  .refine(
    ({ events, protectedOnly }) =>
      !protectedOnly || !events.some((event) => ofPullRequests.includes(event)),
    {
      path: ['protectedOnly'],
      message:
        'no run of a pull request is of a protected branch: leave its event out, or let other refs than protected ones read it',
    },
  );
export type SecretFilters = z.infer<typeof SecretFilters>;

/** Pushes to protected branches, in pools of trust 2 and 3. */
export const newSecretFilters: SecretFilters = SecretFilters.parse({});

export interface ReadingRun {
  readonly event: string;
  readonly ref: string;
  /** Of a pull request: the one that it is for. */
  readonly branch: string;
  readonly isProtected: boolean;
  /** True also when nobody knows. */
  readonly isStrangers: boolean;
  readonly isReleased: boolean;
  readonly pool: { readonly name: string; readonly trust: number };
}

export interface ReadingStep {
  readonly name: string;
  readonly image: string;
  readonly kind: 'commands' | 'plugin';
}

export interface Refusal {
  readonly rule:
    | 'stranger'
    | 'event'
    | 'ref'
    | 'protected-ref'
    | 'image'
    | 'pool-trust'
    | 'released'
    | 'expired'
    | 'not-set'
    | 'kind';
  /** What, where and how to mend it. */
  readonly text: string;
}

/** Every rule that keeps the step from the secret; none: it may read it. */
export function refusalsToRead(
  secret: { readonly name: string; readonly filters: SecretFilters },
  { run, step, now }: { readonly run: ReadingRun; readonly step: ReadingStep; readonly now: Date },
): Refusal[] {
  const { name, filters } = secret;
  if (run.isStrangers) return [strangers(name)];
  const refusals: Refusal[] = [];
  const refuse = (rule: Refusal['rule'], text: string): void => {
    refusals.push({ rule, text: `secret ${name} ${text}` });
  };
  const change = `whoever has the platform role changes that on its page, /secrets/${name}`;
  if (!filters.events.some((event) => event === run.event)) {
    refuse('event', `is for ${words(filters.events)} and not for ${run.event}; ${change}`);
  }
  if (filters.refs.length > 0 && !filters.refs.some((glob) => matchesRef(glob, run))) {
    const place = ofPullRequests.includes(run.event)
      ? `a pull request for ${run.branch}`
      : shortRef(run.ref);
    refuse('ref', `is for ${words(filters.refs)} and not for ${place}; ${change}`);
  }
  if (filters.protectedOnly && !run.isProtected) {
    refuse(
      'protected-ref',
      `is for protected branches and tags, and ${shortRef(run.ref)} is none; protect it, or ${change}`,
    );
  }
  if (filters.images.length > 0 && !isListedPlugin(filters.images, step)) {
    refuse(
      'image',
      step.kind === 'plugin'
        ? `is for plugins of ${words(filters.images)}, and step ${step.name} has the image ${step.image}; ${change}`
        : `is for plugins of ${words(filters.images)}, and step ${step.name} has commands, which could print it; use a plugin with settings, or ${change}`,
    );
  }
  if (run.pool.trust < filters.leastTrust) {
    refuse(
      'pool-trust',
      `needs a pool of trust ${filters.leastTrust} or more, and ${run.pool.name} has ${run.pool.trust}; ${change}`,
    );
  }
  if (filters.approvedOnly && !run.isReleased) {
    refuse('released', `is for runs that a person has released, and nobody has; ${change}`);
  }
  if (filters.expiresAt !== null && Date.parse(filters.expiresAt) <= now.getTime()) {
    refuse('expired', `has expired at ${filters.expiresAt}; set it anew, or ${change}`);
  }
  return refusals;
}

/** Of a name that no secret has. To a stranger it looks as if there were one. */
export function refusalOfUnknown(
  name: string,
  { run, project }: { readonly run: ReadingRun; readonly project: string },
): Refusal {
  if (run.isStrangers) return strangers(name);
  return {
    rule: 'not-set',
    text: `secret ${name} is not set for ${project}, or was erased; set it at /secrets or with: airlock secret set ${name} --low-value`,
  };
}

function strangers(name: string): Refusal {
  return {
    rule: 'stranger',
    text: `secret ${name} is not given to a run of a fork, or of a pull request of which nobody knows whose it is; no filter changes that`,
  };
}

function matchesRef(glob: string, { ref, branch }: ReadingRun): boolean {
  if (glob.startsWith('refs/')) return matchesGlob(glob, ref);
  // A tag may be named like a branch and is none.
  return !ref.startsWith('refs/tags/') && matchesGlob(glob, branch);
}

/** Woodpecker's rule: what is limited to images goes to plugins alone, whose program is the image's and not the author's. */
function isListedPlugin(globs: readonly string[], { image, kind }: ReadingStep): boolean {
  // A variable would let the run choose the image.
  if (kind !== 'plugin' || image.includes('$')) return false;
  const bare = image.replace(/@.*$/, '').replace(/:[^/]*$/, '');
  return globs.some((glob) => matchesGlob(glob, image) || matchesGlob(glob, bare));
}

function shortRef(ref: string): string {
  return ref.replace(/^refs\/(heads|tags)\//, '');
}

function words(list: readonly string[]): string {
  const last = list.at(-1) ?? '';
  return list.length < 2 ? last : `${list.slice(0, -1).join(', ')} and ${last}`;
}

/** Days since it was due to be set anew; null while it is not, or without a schedule. */
export function daysOverdue(
  filters: Pick<SecretFilters, 'rotateEveryDays'>,
  setAt: Date,
  now: Date,
): number | null {
  if (filters.rotateEveryDays === null) return null;
  const late = (now.getTime() - setAt.getTime()) / 86_400_000 - filters.rotateEveryDays;
  return late > 0 ? Math.floor(late) : null;
}
