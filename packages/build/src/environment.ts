/** The environment of a step as it starts: what its file says, with the values of the secrets that it names. */
import { secretNamesIn, withSecretTexts } from '@airlock/common/wire/plan-secrets';
import type { PlanStep } from '@airlock/common/wire/run-plan';

export type StepEnvironment = PlanStep['environment'];

/** What a step is given of the secrets that it names, or one sentence on why it gets none. */
export type GivenSecrets =
  | {
      readonly ok: true;
      /** By name of secret. */
      readonly values: ReadonlyMap<string, string>;
      /** Beside what the step itself says, which goes before. */
      readonly environment?: Readonly<Record<string, string>>;
      /** Directories of this machine that it sees, read-only. */
      readonly shown?: readonly Shown[];
      /** Called when the step is over, however. */
      readonly end?: () => Promise<void>;
    }
  | { readonly ok: false; readonly reason: string };

export type Shown = { readonly source: string; readonly target: string };

/** Asked once, right before a step starts. */
export type SecretsOf = (step: string, names: readonly string[]) => Promise<GivenSecrets>;

export type Environment = (
  step: string,
  environment: StepEnvironment,
) => Promise<
  | {
      readonly ok: true;
      readonly environment: Readonly<Record<string, string>>;
      readonly shown: readonly Shown[];
      readonly end: () => Promise<void>;
    }
  | { readonly ok: false; readonly reason: string }
>;

/** A step that names a secret which is not given does not start. */
export function environmentWith(secretsOf: SecretsOf): Environment {
  return async (step, environment) => {
    const names = secretNamesIn(environment);
    const secrets: GivenSecrets =
      names.length === 0 ? { ok: true, values: new Map() } : await secretsOf(step, names);
    if (!secrets.ok) return secrets;
    const end = secrets.end ?? (() => Promise.resolve());
    const missing = names.find((name) => !secrets.values.has(name));
    if (missing !== undefined) {
      await end();
      return { ok: false, reason: `the secret ${missing} was not given` };
    }
    const filled = { ...secrets.environment, ...withSecretTexts(environment, secrets.values) };
    return { ok: true, environment: filled, shown: secrets.shown ?? [], end };
  };
}

/** Where no secrets are: a rebuilder has none, and what needs one cannot be made again. */
export const noSecrets: SecretsOf = (_, names) =>
  Promise.resolve({
    ok: false,
    reason: `it reads ${names.join(', ')}, and no secrets are given here`,
  });
