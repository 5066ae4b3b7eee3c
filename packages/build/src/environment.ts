/** The environment of a step as it starts: what its file says, with the values of the secrets that it names. */
import type { PlanStep } from '@airlock/common/wire/run-plan';

export type StepEnvironment = PlanStep['environment'];

/** Values by name of secret, or one sentence on why the step does not get them. Asked once, right before a step starts. */
export type SecretsOf = (
  step: string,
  names: readonly string[],
) => Promise<
  | { readonly ok: true; readonly values: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly reason: string }
>;

export type Environment = (
  step: string,
  environment: StepEnvironment,
) => Promise<
  | { readonly ok: true; readonly environment: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly reason: string }
>;

/** A step that names a secret which is not given does not start. */
export function environmentWith(secretsOf: SecretsOf): Environment {
  return async (step, environment) => {
    const names = new Set(
      Object.values(environment).flatMap((value) =>
        typeof value === 'string' ? [] : [value.secret],
      ),
    );
    const secrets =
      names.size === 0
        ? ({ ok: true, values: new Map<string, string>() } as const)
        : await secretsOf(step, [...names]);
    if (!secrets.ok) return secrets;
    const filled: Record<string, string> = {};
    for (const [variable, value] of Object.entries(environment)) {
      const text = typeof value === 'string' ? value : secrets.values.get(value.secret);
      if (text === undefined) {
        return { ok: false, reason: `${variable} is a secret that was not given` };
      }
      filled[variable] = text;
    }
    return { ok: true, environment: filled };
  };
}

/** Where no secrets are: a rebuilder has none, and what needs one cannot be made again. */
export const noSecrets: SecretsOf = (_, names) =>
  Promise.resolve({
    ok: false,
    reason: `it reads ${names.join(', ')}, and no secrets are given here`,
  });
