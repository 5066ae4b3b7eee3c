/** Secrets from where they are kept to the one step that may have them, once. */
import type { SecretKind } from '@airlock/common/wire/secret-handout';
import { secretNamesIn } from '@airlock/common/wire/plan-secrets';
import type { PlanService, PlanStep, PlanWorkflow } from '@airlock/common/wire/run-plan';
import type { Handout } from '@airlock/envelope/handout';
import { offeredTo } from '../domain/labels.ts';
import { refusalOfUnknown, refusalsToRead, type Refusal } from '../domain/secret-filter.ts';
import type { Events } from '../events.ts';
import type { BuildBoxes } from './build-boxes.ts';
import type { JobMaskers } from './job-maskers.ts';
import type { LeaseProofOf } from './ports.ts';
import type { ProjectDeks } from './project-deks.ts';
import { openSecret } from './seal-secret.ts';
import type { ReadableSecret, ReadingJob, SecretReadingStore } from './secret-reading-ports.ts';

export type HandoutAnswer =
  | {
      readonly kind: 'given';
      readonly handout: Handout;
      readonly kinds: ReadonlyMap<string, SecretKind>;
    }
  | { readonly kind: 'lease-lost' }
  /** Given before, under this lease. */
  | { readonly kind: 'taken' }
  /** The workflow has no such step, or it asks for no secret. */
  | { readonly kind: 'not-asked-for' }
  | { readonly kind: 'refused'; readonly reason: string };

export interface HandOutSecrets {
  handOut(
    proof: LeaseProofOf,
    request: { readonly step: string; readonly publicKey: Uint8Array },
  ): Promise<HandoutAnswer>;
  /** Why the job must not start: what its steps ask for and may not have. Null: nothing stands in its way. */
  refusal(proof: LeaseProofOf): Promise<string | null>;
}

/** The longest reason that a run keeps. */
const maxReason = 1000;

export function createHandOutSecrets(ports: {
  readonly reading: SecretReadingStore;
  readonly deks: Pick<ProjectDeks, 'use'>;
  readonly boxes: Pick<BuildBoxes, 'pack'>;
  readonly maskers: Pick<JobMaskers, 'of'>;
  readonly events: Pick<Events, 'secretRead' | 'secretRefused'>;
  readonly now: () => Date;
}): HandOutSecrets {
  const { reading, deks, boxes, maskers, events } = ports;

  async function judge(
    job: ReadingJob,
    asking: Asking,
  ): Promise<{ readonly secrets: readonly ReadableSecret[]; readonly refusals: Refusal[] }> {
    const { run, project, labels } = job;
    const named = await reading.named(project, asking.names);
    const secrets = offeredTo({ name: project, labels }, named);
    const refusals = asking.names.flatMap((name) => {
      const secret = secrets.find((one) => one.name === name);
      if (secret === undefined) return [refusalOfUnknown(name, { run, project })];
      const refused = refusalsToRead(secret, { run, step: asking.step, now: ports.now() });
      return refused.length > 0 ? refused : misplaced(secret, asking);
    });
    return { secrets, refusals };
  }

  return {
    async handOut(proof, { step, publicKey }) {
      const job = await reading.job(proof);
      if (job === null) return { kind: 'lease-lost' };
      const asking = askingSteps(job.workflow).find((one) => one.step.name === step);
      if (asking === undefined) return { kind: 'not-asked-for' };
      const { jobId, lease, runner } = proof;
      const { runId, project } = job;
      const { secrets, refusals } = await judge(job, asking);
      if (refusals.length > 0) {
        const reason = reasonOf([{ step, refusals }]);
        events.secretRefused({ project, runId, jobId, step }, reason);
        return { kind: 'refused', reason };
      }
      // Opened before it is taken down: a keeper that is away costs the step nothing but the wait.
      const values = await Promise.all(
        secrets.map(async (secret) => ({
          name: secret.name,
          value: await openSecret(deks, secret),
        })),
      );
      const place = { run: runId, job: jobId, lease, step };
      const handout = await boxes.pack(project, place, { runner, publicKey, values });
      const taken = await reading.handOut(proof, { step, publicKey, secrets });
      if (taken !== 'given') return { kind: taken };
      try {
        maskers.of({ jobId, lease }).add(values.map(({ value }) => Buffer.from(value.reveal())));
      } catch (cause) {
        // Set before short values were refused.
        if (!(cause instanceof RangeError)) throw cause;
        const names = secrets.map(({ name }) => name).join(', ');
        const reason = `One of ${names} is too short to be kept out of the log; set it anew with 8 characters or more.`;
        return { kind: 'refused', reason };
      }
      for (const { name, version } of secrets) {
        events.secretRead({ project, name, version, runId, jobId, step, runner });
      }
      return {
        kind: 'given',
        handout,
        kinds: new Map(secrets.map(({ name, kind }) => [name, kind])),
      };
    },

    async refusal(proof) {
      const job = await reading.job(proof);
      if (job === null) return null;
      const refused: { readonly step: string; readonly refusals: readonly Refusal[] }[] = [];
      for (const asking of askingSteps(job.workflow)) {
        const { refusals } = await judge(job, asking);
        if (refusals.length > 0) refused.push({ step: asking.step.name, refusals });
      }
      if (refused.length === 0) return null;
      const reason = reasonOf(refused);
      const step = refused.map((one) => one.step).join(', ');
      const { runId, project } = job;
      events.secretRefused({ project, runId, jobId: proof.jobId, step }, reason);
      return reason;
    },
  };
}

/** False for a workflow to which none of the rules here matter. */
export function asksForSecrets(workflow: PlanWorkflow): boolean {
  return askingSteps(workflow).length > 0;
}

interface Asking {
  readonly step: Pick<PlanStep, 'name' | 'image' | 'kind'>;
  readonly names: readonly string[];
  /** Variables that an SSH key is asked for in other than by its agent's socket, and the other way round. */
  readonly variables: ReadonlyMap<string, readonly string[]>;
}

/** Steps and services that ask for a secret. */
function askingSteps({ steps, services }: PlanWorkflow): Asking[] {
  return [...steps, ...services].flatMap((step) => {
    const variables = new Map<string, string[]>();
    for (const [variable, value] of Object.entries(step.environment)) {
      for (const name of secretNamesIn({ [variable]: value })) {
        variables.set(name, [...(variables.get(name) ?? []), variable]);
      }
    }
    if (variables.size === 0) return [];
    const { name, image } = step;
    return [
      { step: { name, image, kind: kindOf(step) }, names: [...variables.keys()].sort(), variables },
    ];
  });
}

/** What runs a program or reads a variable (LD_PRELOAD for one) that the author of the file chose is trusted as the file is. */
function kindOf(step: PlanStep | PlanService): PlanStep['kind'] {
  if (!('kind' in step) || step.kind !== 'plugin') return 'commands';
  return step.commands.length > 0 || step.entrypoint !== null ? 'commands' : 'plugin';
}

/** The variable through which a step is given an agent that holds the key, and never the key. */
const agentVariable = 'SSH_AUTH_SOCK';

function misplaced({ name, kind }: ReadableSecret, { step, variables }: Asking): Refusal[] {
  const asked = variables.get(name) ?? [];
  if (kind === 'ssh-key' && asked.some((variable) => variable !== agentVariable)) {
    const text = `secret ${name} is an SSH key, which a step is given as ${agentVariable} and in no other variable; change step ${step.name}`;
    return [{ rule: 'kind', text }];
  }
  if (kind === 'value' && asked.includes(agentVariable)) {
    const text = `secret ${name} is a value and no SSH key, and ${agentVariable} of step ${step.name} asks for one`;
    return [{ rule: 'kind', text }];
  }
  return [];
}

function reasonOf(
  refused: readonly { readonly step: string; readonly refusals: readonly Refusal[] }[],
): string {
  const texts = refused.flatMap(({ step, refusals }) =>
    refusals.map(({ text }) => `Step ${step} was not started: ${text}.`),
  );
  const whole = texts.join(' ');
  return whole.length <= maxReason ? whole : `${whole.slice(0, maxReason - 1)}…`;
}
