/** What a policy demands of a request beside its path: parameters that it may, must and must not have, and wrapping. */
import { z } from 'zod';

// Lists and objects as values are not compared: the JSON form of a real server's policies cannot even express them.
const Value = z.union([z.string(), z.number(), z.boolean()]);
type Value = z.infer<typeof Value>;
export const ParameterLists = z.record(z.string(), z.array(Value));
type Parameters = ReadonlyMap<string, readonly Value[]>;

export type Conditions = {
  allowed: Parameters;
  denied: Parameters;
  required: readonly string[];
  /** 0: no bound. */
  minWrapSeconds: number;
  maxWrapSeconds: number;
};

export function conditionsOf(rule: {
  allowed_parameters?: z.infer<typeof ParameterLists> | undefined;
  denied_parameters?: z.infer<typeof ParameterLists> | undefined;
  required_parameters?: readonly string[] | undefined;
  min_wrapping_ttl?: number | undefined;
  max_wrapping_ttl?: number | undefined;
}): Conditions {
  return {
    allowed: parametersOf(rule.allowed_parameters),
    denied: parametersOf(rule.denied_parameters),
    required: (rule.required_parameters ?? []).map((name) => name.toLowerCase()),
    minWrapSeconds: rule.min_wrapping_ttl ?? 0,
    maxWrapSeconds: rule.max_wrapping_ttl ?? 0,
  };
}

/** Of several policies for one path. A list of parameters in one of them binds all; of two bounds the lesser counts. */
export function mergeConditions(all: readonly Conditions[]): Conditions {
  return {
    allowed: mergeParameters(all.map((each) => each.allowed)),
    denied: mergeParameters(all.map((each) => each.denied)),
    required: all.flatMap((each) => each.required),
    minWrapSeconds: leastBound(all.map((each) => each.minWrapSeconds)),
    maxWrapSeconds: leastBound(all.map((each) => each.maxWrapSeconds)),
  };
}

export function areConditionsMet(
  conditions: Conditions,
  wish: {
    operation: string;
    parameters: Readonly<Record<string, unknown>>;
    wrapSeconds: number | null;
  },
): boolean {
  const { minWrapSeconds: least, maxWrapSeconds: most } = conditions;
  const wrapped = wish.wrapSeconds;
  if (most > 0 && (wrapped === null || wrapped > most)) return false;
  if (least > 0 && (wrapped === null || wrapped < least)) return false;
  if (!['read', 'create', 'update'].includes(wish.operation)) return true;
  const parameters = new Map(
    Object.entries(wish.parameters).map(([name, value]) => [name.toLowerCase(), value]),
  );
  if (!conditions.required.every((name) => parameters.has(name))) return false;
  if (parameters.size === 0) return true;
  return !isDenied(conditions.denied, parameters) && areAllowed(conditions.allowed, parameters);
}

function isDenied(denied: Parameters, parameters: ReadonlyMap<string, unknown>): boolean {
  if (denied.has('*')) return true;
  return [...parameters].some(([name, value]) => {
    const values = denied.get(name);
    return values !== undefined && isListed(value, values);
  });
}

function areAllowed(allowed: Parameters, parameters: ReadonlyMap<string, unknown>): boolean {
  if (allowed.size === 0) return true;
  return [...parameters].every(([name, value]) => {
    const values = allowed.get(name);
    return values === undefined ? allowed.has('*') : isListed(value, values);
  });
}

/** An empty list stands for every value; a star at either end of a text for anything there. */
function isListed(value: unknown, values: readonly Value[]): boolean {
  if (values.length === 0) return true;
  return values.some((listed) => {
    if (typeof value !== 'string' || typeof listed !== 'string') return value === listed;
    if (listed.endsWith('*')) return value.startsWith(listed.slice(0, -1));
    return listed.startsWith('*') ? value.endsWith(listed.slice(1)) : value === listed;
  });
}

function parametersOf(lists: z.infer<typeof ParameterLists> | undefined): Parameters {
  return new Map(Object.entries(lists ?? {}).map(([name, list]) => [name.toLowerCase(), list]));
}

function mergeParameters(all: readonly Parameters[]): Parameters {
  const merged = new Map<string, readonly Value[]>();
  for (const [name, values] of all.flatMap((each) => [...each])) {
    const before = merged.get(name);
    const isAnything = values.length === 0 || before?.length === 0;
    merged.set(name, isAnything ? [] : [...(before ?? []), ...values]);
  }
  return merged;
}

function leastBound(bounds: readonly number[]): number {
  const set = bounds.filter((bound) => bound > 0);
  return set.length === 0 ? 0 : Math.min(...set);
}
