import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createContentStore } from '@airlock/artifacts/content-store';
import { planStep, runPlan } from '@airlock/common/testing/plans';
import type { ReportKind } from '@airlock/common/wire/reports';
import { testPostgres } from '@airlock/testkit/stack';
import { createJobStore } from '../adapters/postgres/job-store.ts';
import { keepReports, type ReportKeeping } from '../report-keeping.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId, startRun } from '../testing/fixtures.ts';
import type { LeaseProofOf } from './ports.ts';
import type { TakenReport } from './take-report.ts';

let directory: string;
let database: TestDatabase;
let keeping: ReportKeeping;
let jobs: ReturnType<typeof createJobStore>;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-reports-'));
  database = await testDatabase(await testPostgres());
  const db = database.as('nonprod_web');
  jobs = createJobStore(db);
  const blobs = createContentStore(join(directory, 'artifacts'));
  keeping = keepReports({ db, jobs, blobs });
});
after(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

const plan = runPlan([
  planStep('test', {
    reports: [
      { kind: 'junit', glob: 'out/*.xml' },
      { kind: 'sarif', glob: 'out/*.sarif' },
      { kind: 'coverage', glob: 'out/*.info' },
      { kind: 'sbom', glob: 'out/*.cdx.json' },
    ],
  }),
]);

async function running(
  commit?: string,
  onMain = false,
): Promise<{ runId: string; proof: LeaseProofOf }> {
  const other = onMain ? {} : { ref: `refs/heads/${newId('run')}`, branch: 'other' };
  const run = await startRun(database, {
    plan,
    ...(commit === undefined ? {} : { commit }),
    ...other,
  });
  const claimed = await jobs.claim({ runner: 'r1', pool: 'default', leaseSeconds: 60 });
  assert.equal(claimed?.runId, run.id);
  return { runId: run.id, proof: { jobId: claimed.jobId, lease: claimed.lease, runner: 'r1' } };
}

function send(
  proof: LeaseProofOf,
  kind: ReportKind,
  path: string,
  text: string,
): Promise<TakenReport> {
  const bytes = Buffer.from(text);
  const digest = createHash('sha256').update(bytes).digest('hex');
  return keeping.take(proof, { kind, path, digest, bytes });
}

const suite = (second: string): string =>
  `<testsuite name="cart"><testcase classname="Cart" name="adds" time="0.5"/><testcase classname="Cart" name="rounds" time="0.1">${second}</testcase></testsuite>`;
const taken: TakenReport = { kind: 'taken', fault: null };

test('a test that passed and failed at one commit is flaky, and failed ones come first', async () => {
  const commit = 'ab'.repeat(20);
  const one = await running(commit);
  const failing = suite('<failure message="0.29 is not 0.30"/>');
  assert.deepEqual(await send(one.proof, 'junit', 'out/a.xml', failing), taken);
  const before = await keeping.queries.tests(one.runId, 10);
  assert.deepEqual(
    before.tests.map(({ name, outcome, isFlaky }) => [name, outcome, isFlaky]),
    [
      ['rounds', 'failed', false],
      ['adds', 'passed', false],
    ],
  );
  const two = await running(commit);
  assert.deepEqual(await send(two.proof, 'junit', 'out/a.xml', suite('')), taken);
  const { tests, ...counts } = await keeping.queries.tests(two.runId, 1);
  assert.deepEqual(counts, { passed: 2, failed: 0, skipped: 0, flaky: 1 });
  assert.deepEqual(
    tests.map(({ name, isFlaky }) => [name, isFlaky]),
    [['rounds', true]],
  );
});

test('what the workflow does not declare, or comes without its lease, is not taken', async () => {
  const { runId, proof } = await running();
  assert.equal((await send(proof, 'junit', 'elsewhere/a.xml', suite(''))).kind, 'refused');
  assert.equal((await send(proof, 'sarif', 'out/a.xml', suite(''))).kind, 'refused');
  const late = { ...proof, lease: proof.lease + 1 };
  assert.equal((await send(late, 'junit', 'out/a.xml', suite(''))).kind, 'lease-lost');
  assert.deepEqual(await keeping.queries.files(runId), []);
});

test('a file that cannot be read is shown with why, and sending a file again changes nothing', async () => {
  const { runId, proof } = await running();
  const cut = await send(proof, 'junit', 'out/cut.xml', '<testsuite><testcase name="a">');
  assert.match(cut.kind === 'taken' ? (cut.fault ?? '') : '', /no whole XML document/);
  assert.deepEqual(await send(proof, 'junit', 'out/a.xml', suite('')), taken);
  assert.deepEqual(await send(proof, 'junit', 'out/a.xml', suite('')), taken);
  const files = await keeping.queries.files(runId);
  assert.deepEqual(
    files.map(({ path, fault }) => [path, fault === null]),
    [
      ['out/a.xml', true],
      ['out/cut.xml', false],
    ],
  );
  assert.equal((await keeping.queries.tests(runId, 10)).passed, 2);
});

test('findings come errors first, components once, text that no database holds is changed', async () => {
  const { runId, proof } = await running();
  const result = (level: string, text: string) => ({
    level,
    ruleId: 'r',
    message: { text },
    locations: [
      { physicalLocation: { artifactLocation: { uri: 'a.ts' }, region: { startLine: 3 } } },
    ],
  });
  const sarif = JSON.stringify({
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'lint' } },
        results: [result('note', 'later'), result('error', 'a\0b\ud800')],
      },
    ],
  });
  assert.deepEqual(await send(proof, 'sarif', 'out/a.sarif', sarif), taken);
  const component = {
    type: 'library',
    name: 'left-pad',
    version: '1.3.0',
    licenses: [{ license: { id: 'WTFPL' } }],
  };
  const bill = { bomFormat: 'CycloneDX', specVersion: '1.6', components: [component, component] };
  assert.deepEqual(await send(proof, 'sbom', 'out/a.cdx.json', JSON.stringify(bill)), taken);
  const finding = { tool: 'lint', rule: 'r', path: 'a.ts', line: 3 };
  assert.deepEqual(await keeping.queries.findings(runId, 10), {
    total: 2,
    entries: [
      { ...finding, level: 'error', message: 'a\uFFFDb\uFFFD' },
      { ...finding, level: 'note', message: 'later' },
    ],
  });
  assert.deepEqual(await keeping.queries.components(runId, 10), {
    total: 1,
    entries: [
      { type: 'library', name: 'left-pad', version: '1.3.0', purl: null, licences: ['WTFPL'] },
    ],
  });
});

test('coverage stands beside that of the newest run of main before it', async () => {
  const lcov = (hits: number): string => `SF:a.ts\nDA:1,1\nDA:2,${hits}\nend_of_record\n`;
  const main = await running(undefined, true);
  assert.deepEqual(await send(main.proof, 'coverage', 'out/l.info', lcov(0)), taken);
  const branch = await running();
  assert.equal(await keeping.queries.coverage(branch.runId, 'refs/heads/main', 10), null);
  assert.deepEqual(await send(branch.proof, 'coverage', 'out/l.info', lcov(7)), taken);
  const { main: before, ...own } =
    (await keeping.queries.coverage(branch.runId, 'refs/heads/main', 10)) ?? assert.fail();
  assert.deepEqual(own, { lines: 2, covered: 2, files: [{ path: 'a.ts', lines: 2, covered: 2 }] });
  assert.deepEqual([before?.runId, before?.lines, before?.covered], [main.runId, 2, 1]);
  const first = await keeping.queries.coverage(main.runId, 'refs/heads/main', 10);
  assert.equal(first?.main, null);
});
