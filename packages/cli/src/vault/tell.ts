/** The set-up of Vault in words: what would be sent, what is there, how it differs. */
import { z } from 'zod';
import { safe } from '../print.ts';
import { isWritten } from './apply.ts';
import { printableBody, type VaultCall } from './call.ts';
import { shown, type Finding } from './check.ts';
import type { ComparedCall } from './compare.ts';
import type { ManualStep } from './manual-steps.ts';

const Policy = z.object({
  path: z.record(z.string(), z.object({ capabilities: z.array(z.string()) })),
});

/** The request as it could be sent by hand, and what a policy in it means. */
export function callLines(call: VaultCall): string[] {
  return [
    `  ${call.method} /v1/${call.path}`,
    ...JSON.stringify(printableBody(call), null, 2)
      .split('\n')
      .map((line) => `  ${line}`),
    ...policyLines(call.body['policy']),
    ...(call.incomplete === undefined ? [] : [`  incomplete: ${call.incomplete}`]),
  ];
}

function policyLines(text: unknown): string[] {
  if (typeof text !== 'string') return [];
  const { path } = Policy.parse(JSON.parse(text));
  return Object.entries(path).map(
    ([pattern, { capabilities }]) => `  # ${capabilities.join(', ').padEnd(12)} ${pattern}`,
  );
}

/** Before anything is compared: everything that the set-up consists of. */
export function planLines(calls: readonly VaultCall[], manual: readonly ManualStep[]): string[] {
  return [
    ...calls.flatMap((call) => [call.what, ...callLines(call), '']),
    ...manual.flatMap(({ what, how }) => [`by hand: ${what}`, ...how.map((line) => `  ${line}`)]),
  ];
}

/** What a run with --apply writes, and how each differs from what is there. */
export function comparedLines(
  compared: readonly ComparedCall[],
  rewriteSecrets: boolean,
): string[] {
  return compared.flatMap((each) => {
    const { call, state, differences } = each;
    if (!isWritten(each, rewriteSecrets) && state === 'unchanged') {
      return [`= unchanged  ${call.what}`];
    }
    if (state === 'unchanged') return [`~ rewritten  ${call.what}`, ...callLines(call)];
    if (state === 'absent') return [`+ new        ${call.what}`, ...callLines(call)];
    return [
      `${state === 'differs' ? '~ differs   ' : '✗ conflict  '} ${call.what}`,
      ...differences.map(
        ({ field, found, wanted }) => `  ${field}: ${safe(shown(found))} → ${safe(shown(wanted))}`,
      ),
    ];
  });
}

const marks = { ok: '✓', warning: '!', fault: '✗' };

export function findingLines(findings: readonly Finding[]): string[] {
  return findings.map(
    ({ what, result, detail }) => `${marks[result]} ${safe(what)}: ${safe(detail)}`,
  );
}
