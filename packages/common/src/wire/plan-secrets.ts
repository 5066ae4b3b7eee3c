/** Secrets in a step's environment: which it names, and how their texts come into it. */
import type { PlanStep } from './run-plan.ts';

type Environment = PlanStep['environment'];

/** Every secret that the environment names, each once. */
export function secretNamesIn(environment: Environment): string[] {
  const names = Object.values(environment).flatMap((value) => {
    if (typeof value === 'string') return [];
    return 'secret' in value ? [value.secret] : namesInJson(JSON.parse(value.json));
  });
  return [...new Set(names)];
}

/** The environment as a program gets it. @throws RangeError for a secret without a value: nothing starts with half of them. */
export function withSecretTexts(
  environment: Environment,
  texts: ReadonlyMap<string, string>,
): Record<string, string> {
  const textOf = (name: string): string => {
    const text = texts.get(name);
    if (text === undefined) throw new RangeError(`the secret ${name} was not given`);
    return text;
  };
  const filled = Object.entries(environment).map(([variable, value]): [string, string] => {
    if (typeof value === 'string') return [variable, value];
    if ('secret' in value) return [variable, textOf(value.secret)];
    return [
      variable,
      JSON.stringify(mapJson(JSON.parse(value.json), { text: same, secret: textOf })),
    ];
  });
  return Object.fromEntries(filled);
}

const same = (text: string): string => text;

/** Rewrites the texts of a JSON value, keys included; `{"from_secret": name}` is handed to `secret` as a whole. */
export function mapJson(
  value: unknown,
  by: { readonly text: (text: string) => string; readonly secret: (name: string) => unknown },
): unknown {
  if (typeof value === 'string') return by.text(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => mapJson(item, by));
  const name = secretName(value);
  if (name !== null) return by.secret(name);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [by.text(key), mapJson(member, by)]),
  );
}

function namesInJson(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const name = secretName(value);
  return name === null ? Object.values(value).flatMap(namesInJson) : [name];
}

function secretName(value: object): string | null {
  const entries = Object.entries(value);
  const [[key, name] = []] = entries;
  return entries.length === 1 && key === 'from_secret' && typeof name === 'string' ? name : null;
}
