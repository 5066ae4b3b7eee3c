import { canonicalJson, type JsonInput } from '@airlock/common/encoding/canonical-json';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { RunPlan } from '@airlock/common/wire/run-plan';

/**
 * SHA-256 of the plan as canonical JSON with sorted keys, 64 lower-case hexadecimal digits: what the runner signs, the
 * signer compares with its own mirror's files, provenance states and the gate compares again.
 */
export function planDigest(plan: RunPlan): string {
  return sha256Hex(planBytes(plan));
}

/** The bytes behind `planDigest`. Keys are sorted, because the order in which a file has its variables means nothing. */
export function planBytes(plan: RunPlan): Buffer {
  return canonicalJson(withSortedKeys(plan));
}

function withSortedKeys(value: JsonInput): JsonInput {
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map(withSortedKeys);
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, member]) => [key, withSortedKeys(member)]));
}

/** Array.isArray does not narrow read-only lists. */
function isList(value: JsonInput): value is readonly JsonInput[] {
  return Array.isArray(value);
}
