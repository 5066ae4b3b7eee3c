/** `npm run demo`: both doors on loopback, and one release on its way between them. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ledgerSource } from '@airlock/cli/ledger-source';
import { verifyLedger } from '@airlock/common/ledger/verify-ledger';
import { bubblewrap, ensureInstalled, installCommand } from '@airlock/testkit/system-packages';
import { z } from 'zod';
import {
  approveAs,
  askForPromotion,
  commitNewProduct,
  lookAtProduction,
  waitForCandidate,
  waitForEnd,
} from './flow.ts';
import { movedPorts } from './layout.ts';
import { target } from './names.ts';
import { startPair, type Pair } from './pair.ts';
import { createProgress, type Progress } from './progress.ts';

const root = join(import.meta.dirname, '../../..');
const directory = join(root, '.demo');
const pidFile = join(directory, 'demo.pid');

const usage = `usage: npm run demo                      start both doors; a promotion waits for its last approval
       npm run demo -- --once [--json]   the whole way unattended, then stop; --json prints one object
       npm run demo -- stop              end a running demo
       npm run demo -- --wipe            remove .demo/ (after a stop)
`;

interface Options {
  readonly once: boolean;
  readonly json: boolean;
}

/** Runs the demo. @param build brings the bundles up to date. @returns the exit code. */
export async function demo(args: readonly string[], build: () => Promise<void>): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    process.stderr.write(
      `airlock: ${error instanceof Error ? error.message : String(error)}\n${usage}`,
    );
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (positionals[0] === 'stop') return stopOther();
  if (positionals.length > 0 || (values.json && !values.once)) {
    process.stderr.write(usage);
    return 2;
  }
  if (values.wipe) return wipe();
  return run({ once: values.once, json: values.json }, build);
}

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      wipe: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });

async function run(options: Options, build: () => Promise<void>): Promise<number> {
  const started = performance.now();
  const other = runningDemo();
  if (other !== null) {
    process.stderr.write(
      `airlock: a demo is running already (process ${other}); end it with: npm run demo -- stop\n`,
    );
    return 1;
  }
  const progress = createProgress(options.json ? process.stderr : process.stdout);
  progress.say(
    'Airlock demo  (everything lives in ./.demo; stop: Ctrl-C, remove: npm run demo -- --wipe)',
  );
  // An apt-get that fails (no network, no package) is a machine that may not install it.
  if ((await ensureInstalled(bubblewrap).catch(() => null)) === null) {
    progress.say(
      `\u001B[31m  ! bubblewrap is missing: builds and hooks are NOT ISOLATED here and may do whatever you may. Install it: ${installCommand(bubblewrap)}\u001B[39m`,
    );
  }
  await progress.step('built from source', build);

  let pair: Pair | undefined;
  let ending: Promise<void> | undefined;
  const end = (): Promise<void> =>
    (ending ??= (pair?.stop() ?? Promise.resolve()).finally(() => {
      rmSync(pidFile, { force: true });
    }));
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => {
        resolve('interrupted');
      });
  });
  try {
    const starting = startPair({ directory, ports: 'preferred', progress, builders: 2 });
    writeFileSync(pidFile, `${process.pid}\n`);
    pair = await starting;
    const moved = movedPorts(pair.ports);
    if (moved.length > 0) progress.say(`    ports that were taken: ${moved.join(', ')}`);
    writeContext(pair);
    const work = options.once ? once(pair, progress, started) : walkIn(pair, progress);
    const result = await Promise.race([work, interrupted]);
    if (result === 'interrupted') return 130;
    if (options.once) {
      await end();
      process.stdout.write(
        options.json ? `${JSON.stringify(result)}\n` : `${JSON.stringify(result, null, 2)}\n`,
      );
      return OnceResult.parse(result).ok ? 0 : 1;
    }
    await interrupted;
    progress.say('\nstopping …');
    return 0;
  } catch (error) {
    progress.say(`airlock: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof Error && 'exitCode' in error && error.exitCode === 78 ? 78 : 1;
  } finally {
    await end();
  }
}

const OnceResult = z.looseObject({ ok: z.boolean() });

/** Push, build, sign, promote, admit, approve twice, deliver; then looks at what is really there. */
async function once(
  pair: Pair,
  progress: Progress,
  started: number,
): Promise<Record<string, unknown>> {
  const before = await lookAtProduction(pair);
  const commit = await progress.step(
    'a commit is pushed to main',
    () => commitNewProduct(pair),
    (id) => `commit ${id.slice(0, 7)} pushed to main`,
  );
  const candidate = await progress.step(
    `main is built ${whereBuilt(pair)} and signed`,
    () => waitForCandidate(pair, commit),
    ({ release }) => `main built ${whereBuilt(pair)} and signed: candidate ${release}`,
  );
  const promotionId = await progress.step(
    `dana asks for ${target}; the gate pulls and checks`,
    () => askForPromotion(pair, candidate.id, 'demo: one more widget'),
    (id) => `dana asked for ${target}; the gate pulled, checked and took it in as ${id}`,
  );
  const approvals = ['leo', 'mira'];
  for (const person of approvals) {
    await progress.step(
      `${person} approves with a passkey`,
      () => approveAs(pair, person, promotionId),
      () => `${person} approved with a passkey`,
    );
  }
  const view = await progress.step(
    'delivery',
    () => waitForEnd(pair, promotionId),
    ({ state }) => `delivery ended: ${state}`,
  );
  const after = await lookAtProduction(pair);
  const [session] = await pair.query<{
    issued_at: Date | null;
    revoked_at: Date | null;
    role_name: string | null;
    gone_at: Date | null;
  }>(
    'gate',
    `select c.issued_at, s.revoked_at, c.holder as role_name, c.gone_at from vault_session s
     join vault_credential c on c.session_id = s.id join delivery d on d.id = s.delivery_id where d.promotion_id = $1`,
    [promotionId],
  );
  if (session === undefined) throw new Error('the delivery has no Vault session');
  const roleGone = session.role_name !== null && !after.ephemeralRoles.includes(session.role_name);
  const ledger = await verifyLedger({ read: ledgerSource(pair.gateOrigin), vkey: pair.ledgerVkey });
  const changed =
    !before.releases.includes(candidate.release) && after.releases.includes(candidate.release);
  const issuedAt = session.issued_at?.toISOString() ?? null;
  const revokedAt = session.revoked_at?.toISOString() ?? null;
  return {
    ok:
      view.state === 'live' &&
      changed &&
      roleGone &&
      session.gone_at !== null &&
      issuedAt !== null &&
      revokedAt !== null &&
      ledger.ok,
    state: view.state,
    isolation: pair.isolation,
    release: candidate.release,
    target,
    commit,
    promotion: promotionId,
    approvals,
    production: { changed, products: after.products, releases: after.releases.length },
    credential: { issuedAt, revokedAt, role: session.role_name, roleGone },
    ledger: { size: ledger.ok ? ledger.size : 0, verified: ledger.ok },
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}

/** Leaves a promotion one approval short, and says where to go. */
async function walkIn(pair: Pair, progress: Progress): Promise<null> {
  // What an earlier start asked for waits with leo's approval or has ended: only something new needs both.
  const asked = await pair.query('gate', 'select 1 from promotion limit 1');
  const isFirst = asked.length === 0;
  const commit = isFirst ? mainHead(pair) : await commitNewProduct(pair);
  const candidate = await progress.step(
    `main is built ${whereBuilt(pair)} and signed`,
    () => waitForCandidate(pair, commit),
    ({ release }) => `main built ${whereBuilt(pair)} and signed: candidate ${release}`,
  );
  await progress.step(
    'pull requests',
    () => pair.repository.openPullRequests(),
    () => 'pull requests open: #7 (its test fails), #8 (passes); no target takes their builds',
  );
  const promotionId = await progress.step(
    `dana asks for ${target}`,
    () => askForPromotion(pair, candidate.id, isFirst ? 'Sell hinges' : 'One more widget'),
    () => `promotion to ${target} asked by dana, pulled and checked by the gate`,
  );
  await progress.step(
    'leo approves',
    () => approveAs(pair, 'leo', promotionId),
    () => 'leo approved with a passkey (1 of 2)',
  );
  const { postgres } = pair;
  progress.say(`
Open  ${pair.gateOrigin}/promotions/${promotionId}   sign in as mira, add a passkey on your page, approve
Then watch: the gate asks Vault for a database login, loads the release, and throws the login away.
Also  ${pair.nonprodOrigin}   sign in as dana; what you push to .demo/git/shop-api.git is built

People (no passwords; pick one on the sign-in page)
  dana developer · leo, mira release managers · oke platform · aud auditor
Try   npx airlock queue | npx airlock release show ${promotionId} --why | npx airlock ledger verify ${pair.gateOrigin} --key .demo/gate-config/ledger.vkey
      npx airlock evidence ${promotionId} --to .demo/evidence.tar && npx airlock verify .demo/evidence.tar --pinned .demo/pinned.json   (once it is live)
      PGPASSWORD=$(cat .demo/postgres/password) psql -h ${postgres.host} -p ${postgres.port} -U ${postgres.superuser} shop -c '\\du'
      before, during and after: a role v-… exists for seconds
No passkey on this machine?  npx airlock approve ${promotionId} --as mira   (software key, demo only)
Stop  Ctrl-C, or npm run demo -- stop
`);
  return null;
}

const whereBuilt = ({ isolation }: Pair): string =>
  isolation === 'none' ? 'WITHOUT ISOLATION' : 'in the sandbox';

function mainHead(pair: Pair): string {
  return readFileSync(join(pair.repository.bareDirectory, 'refs/heads/main'), 'utf8').trim();
}

/** What `npx airlock` needs to find this demo. */
function writeContext(pair: Pair): void {
  writeFileSync(
    join(directory, 'context.json'),
    JSON.stringify(
      { gate: pair.gateOrigin, nonprod: pair.nonprodOrigin, passkeys: pair.layout.passkeys },
      null,
      2,
    ),
  );
}

/** The process of a demo that still runs, or null; a pid file left by a crash names nobody, or by now somebody else. */
function runningDemo(): number | null {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    if (!(pid > 0)) return null;
    process.kill(pid, 0);
    const commandLine = `/proc/${pid}/cmdline`;
    const isDemo =
      !existsSync(commandLine) || readFileSync(commandLine, 'utf8').includes('demo.ts');
    return isDemo ? pid : null;
  } catch {
    return null;
  }
}

async function stopOther(): Promise<number> {
  const pid = runningDemo();
  if (pid === null) {
    process.stdout.write('no demo is running\n');
    return 0;
  }
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; waited < 200 && runningDemo() !== null; waited += 1) await delay(100);
  if (runningDemo() !== null) {
    process.stderr.write(
      `airlock: the demo (process ${pid}) did not end within 20 s; its logs are in .demo/logs\n`,
    );
    return 1;
  }
  process.stdout.write('the demo has ended\n');
  return 0;
}

function wipe(): number {
  const pid = runningDemo();
  if (pid !== null) {
    process.stderr.write('airlock: a demo is running; end it first: npm run demo -- stop\n');
    return 1;
  }
  rmSync(directory, { recursive: true, force: true });
  process.stdout.write('.demo is removed\n');
  return 0;
}
