import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Command } from 'commander';
import { checkIds } from '../doctor.ts';
import { owaspCicd } from '../doctor/owasp.ts';
import { drills } from '../drills/index.ts';
import { CliError } from '../exit-codes.ts';
import { byRisk, registerDoctor } from './doctor.ts';

const empty = mkdtempSync(join(tmpdir(), 'airlock-doctor-verb-'));
after(() => {
  rmSync(empty, { recursive: true });
});

async function doctor(...args: readonly string[]): Promise<{ lines: string[]; code: unknown }> {
  const lines: string[] = [];
  const program = new Command().exitOverride();
  registerDoctor(program, (printed) => lines.push(...printed));
  await program.parseAsync(['doctor', '--installation', empty, ...args], { from: 'user' });
  const code = process.exitCode;
  process.exitCode = 0;
  return { lines, code };
}

test('B70: each of OWASP’s ten risks has checks and drills, all of which there are', () => {
  assert.deepEqual(
    owaspCicd.map(({ id }) => id),
    Array.from({ length: 10 }, (_, index) => `CICD-SEC-${index + 1}`),
  );
  const drillIds = drills.map(({ id }) => id);
  for (const { id, checks, drills: tried } of owaspCicd) {
    assert.ok(checks.length > 0 && tried.length > 0, id);
    for (const check of checks) assert.ok(checkIds.includes(check), `${id}: ${check}`);
    for (const drill of tried) assert.ok(drillIds.includes(drill), `${id}: ${drill}`);
  }
});

test('B70: every finding of a check stands under each risk that it speaks of', () => {
  const findings = checkIds.map((id) => ({ id, status: 'pass' as const, summary: id }));
  for (const [at, { findings: found }] of byRisk(findings).entries()) {
    assert.deepEqual(
      found.map(({ id }) => id).toSorted(),
      [...(owaspCicd[at]?.checks ?? [])].toSorted(),
    );
  }
});

test('B70: airlock doctor --framework names a failure below its risk, and ends with 5', async () => {
  // There is no configuration in it, which the check of that name says.
  const { lines, code } = await doctor('--framework', 'owasp-cicd');
  assert.equal(code, 5);
  const from = lines.findIndex((line) => line.startsWith('CICD-SEC-7  '));
  const seventh = lines.slice(from, lines.indexOf('', from));
  const failed = seventh.findIndex((line) => line.startsWith('  ✗ configuration '));
  assert.match(seventh[failed] ?? '', /no \*\.yaml below /);
  assert.match(seventh[failed + 1] ?? '', /^ {4}→ Name the directory/);
  assert.ok(lines.includes('  airlock drill hook-forged hook-replay'));
  for (const more of [['--only', 'node'], ['--list']]) {
    await assert.rejects(
      doctor('--framework', 'owasp-cicd', ...more),
      (error) => error instanceof CliError && error.exitCode === 2,
    );
  }
});
