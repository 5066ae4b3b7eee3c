/**
 * `airlock-runner selftest [--mode bubblewrap|podman|user] [--json] [--secret FILE]…`: tries to get out of the sandbox that this machine
 * makes, and compares what it found with what it has to find. Exit codes: 0 it holds, 1 it does not or there is none, 2 called
 * wrongly.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { testIsolation } from '@airlock/build/isolation/choose';
import { defaultAccounts } from '@airlock/build/isolation/config';
import { defaultLimits } from '@airlock/build/isolation/limits';
import { AirlockError } from '@airlock/common/errors';
import { IsolationMode } from '@airlock/common/wire/isolation';

const usage =
  'usage: airlock-runner selftest [--mode bubblewrap|podman|user] [--json] [--secret FILE that no build may read]…';

process.exitCode = await main();

async function main(): Promise<number> {
  const asked = readArguments();
  if (asked === null) {
    process.stderr.write(`${usage}\n`);
    return 2;
  }
  const { mode, json, secretFiles } = asked;
  const workDirectory = mkdtempSync(join(tmpdir(), 'airlock-selftest-'));
  try {
    const { probes, differences, digest } = await testIsolation(
      { isolation: mode, limits: defaultLimits, accounts: defaultAccounts, workDirectory },
      secretFiles,
    );
    const holds = differences.length === 0;
    if (json) {
      process.stdout.write(
        `${JSON.stringify({ mode, holds, digest: `sha256:${digest}`, differences, probes })}\n`,
      );
    } else {
      const lines = holds
        ? [`${mode} holds: ${Object.keys(probes).length} probes found what they have to find`]
        : [`${mode} DOES NOT HOLD:`, ...differences.map((line) => `  ${line}`)];
      process.stdout.write([...lines, `sha256:${digest}`, ''].join('\n'));
    }
    return holds ? 0 : 1;
  } catch (error) {
    if (!(error instanceof AirlockError)) throw error;
    process.stderr.write(`airlock-runner: ${error.message}\n`);
    return 1;
  } finally {
    rmSync(workDirectory, { recursive: true, force: true });
  }
}

function readArguments(): {
  mode: IsolationMode;
  json: boolean;
  secretFiles: string[];
} | null {
  try {
    const { values } = parseArgs({
      options: {
        mode: { type: 'string', default: 'bubblewrap' },
        json: { type: 'boolean', default: false },
        secret: { type: 'string', multiple: true, default: [] },
      },
    });
    const mode = IsolationMode.safeParse(values.mode);
    if (!mode.success || mode.data === 'none') return null;
    const secretFiles = values.secret.map((file) => resolve(file));
    return { mode: mode.data, json: values.json, secretFiles };
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
