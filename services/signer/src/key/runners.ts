import { readFileSync } from 'node:fs';
import { importTrust, TrustRow } from '@airlock/common/trust/signer';
import { Name } from '@airlock/common/wire/scalars';
import { ConfigurationError } from '@airlock/process/config';
import { z } from 'zod';
import type { Runners } from '../domain/attested-run.ts';

const RunnersFile = z.strictObject({
  version: z.literal(1),
  runners: z.array(
    TrustRow.extend({
      runner: Name.describe('Name that the runner signs under, its attestation.runner.'),
      roles: z.tuple([z.literal('run')]),
      builderIds: z
        .array(z.string())
        .min(1)
        .describe(
          'Builders whose runs it may attest. A runner that builds pull requests is not listed for main.',
        ),
    }),
  ),
});

/**
 * Reads the pinned keys of runners, once, when the signer starts.
 *
 * @throws ConfigurationError when the file cannot be read or one of its rows is not whole.
 */
export function loadRunners(file: string): Runners {
  const refused = (what: string, cause?: unknown): ConfigurationError =>
    new ConfigurationError('configuration-refused', `runnersFile: ${file}: ${what}`, { cause });
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw refused('is not a readable JSON file; correct the path or the file', cause);
  }
  const parsed = RunnersFile.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refused(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`);
  }
  const trust = importTrust(parsed.data.runners.map(trustRowOf));
  if (trust.faults.size > 0) {
    throw refused([...trust.faults].map(([keyid, fault]) => `${keyid}: ${fault}`).join('; '));
  }
  return {
    trust,
    nameOf: new Map(parsed.data.runners.map(({ keyid, runner }) => [keyid, runner])),
  };
}

/** The row as every trust store has it. */
function trustRowOf(row: z.infer<typeof RunnersFile>['runners'][number]): unknown {
  return Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'runner'));
}
