/** `airlock`: the command line. Verbs, flags, exit codes and printed JSON are contract. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildInWords } from '@airlock/process/build';
import { Command, Option } from 'commander';
import { checkoutBuild } from './checkout.ts';
import { registerAccess } from './commands/access.ts';
import { registerApprove } from './commands/approve.ts';
import { registerAsk } from './commands/ask.ts';
import { registerWaivers } from './commands/waivers.ts';
import { registerAudit } from './commands/audit.ts';
import { registerBlastRadius, registerTaint } from './commands/blast-radius.ts';
import { registerConfig } from './commands/config.ts';
import { registerDeliver } from './commands/deliver.ts';
import { registerDiff } from './commands/diff.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerDrill } from './commands/drill.ts';
import { registerEmergencyStop } from './commands/emergency-stop.ts';
import { registerEvidence } from './commands/evidence.ts';
import { registerExec } from './commands/exec.ts';
import { registerFirewall } from './commands/firewall.ts';
import { registerInit } from './commands/init.ts';
import { registerInventory } from './commands/inventory.ts';
import { registerLeases } from './commands/leases.ts';
import { registerLedger } from './commands/ledger.ts';
import { registerNotify } from './commands/notify.ts';
import { registerPasskey } from './commands/passkey.ts';
import { registerPlan } from './commands/plan.ts';
import { registerPolicy } from './commands/policy.ts';
import { registerReturn } from './commands/return.ts';
import { registerCa } from './commands/ca.ts';
import { registerLogs } from './commands/logs.ts';
import { registerRun } from './commands/run.ts';
import { registerRunner } from './commands/runner.ts';
import { registerSecret } from './commands/secret.ts';
import { registerSigner } from './commands/signer.ts';
import { registerSources } from './commands/sources.ts';
import { registerStops } from './commands/stops.ts';
import { registerTests } from './commands/tests.ts';
import { registerUsage } from './commands/usage.ts';
import { registerVars } from './commands/vars.ts';
import { registerVault } from './commands/vault.ts';
import { registerWatch } from './commands/watch.ts';
import { runConformance, type ConformanceKind } from './conformance.ts';
import { CliError, exitCode } from './exit-codes.ts';
import { toStdout } from './print.ts';
import { listQueue, type QueueOptions, showRelease } from './release-commands.ts';

const program = new Command('airlock')
  .description(
    'Two CI services that do not trust each other. Commands for the prod gate, offline verification and set-up checks.',
  )
  .showHelpAfterError()
  // A verb's options stand after it, so that a verb below it may have some of the same name.
  .enablePositionalOptions()
  .exitOverride();

program
  .option('-V, --version', 'version, commit and digest of the build')
  .on('option:version', () => {
    print(`airlock ${buildInWords(checkoutBuild())}`);
    process.exit(exitCode.ok);
  });

const output = (): Option =>
  new Option('-o, --output <format>', 'table or json').choices(['table', 'json']).default('table');
const as = (): Option =>
  new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
    'mira',
  );

program
  .command('queue')
  .description('what waits, what runs, what is live')
  .option('--target <name>', 'of this target alone')
  .option(
    '-q, --q <words>',
    'where release, commit, repository, person or reason hold all these words',
  )
  .addOption(as())
  .addOption(output())
  .action(async (options: QueueOptions) => {
    print(await listQueue(options));
  });

const release = program.command('release').description('one release that was asked for one target');
release
  .command('show')
  .argument('<promotion>', 'id such as prm_7k2q9x0d1f')
  .description('why it may or may not pass, and what changes')
  .option('--why', 'every check with its evidence')
  .option('--diff', 'commits and files since what is live')
  .addOption(as())
  .addOption(output())
  .action(async (id: string, options: { as: string; output: string; why?: true; diff?: true }) => {
    print(await showRelease(id, options));
  });

registerAccess(program);
registerApprove(program);
registerAsk(program);
registerWaivers(program);
registerDeliver(program);
registerDiff(program);
registerWatch(program);
registerEvidence(program);
registerExec(program);
registerFirewall(program);
registerInit(program);
registerInventory(program);

program
  .command('conformance')
  .argument('<kind>', 'admission or approval')
  .argument('<directory>', 'directory of JSON cases')
  .description('run every case through the code that the gate runs')
  .action(async (kind: string, directory: string) => {
    if (!isConformanceKind(kind))
      throw new CliError(exitCode.usage, `conformance knows admission and approval, not ${kind}`);
    const names = (await readdir(directory).catch(missing(directory)))
      .filter((name) => name.endsWith('.json'))
      .sort();
    if (names.length === 0) throw new CliError(exitCode.usage, `${directory} holds no .json case`);
    const cases = await Promise.all(
      names.map(async (name) => ({ name, text: await readFile(join(directory, name), 'utf8') })),
    );
    const { lines, failed } = runConformance(kind, cases);
    print(lines.join('\n'));
    if (failed > 0) process.exitCode = exitCode.error;
  });

registerDoctor(program);
registerAudit(program);
registerBlastRadius(program);
registerConfig(program);
registerDrill(program);
registerEmergencyStop(program);
registerLeases(program);
registerLedger(program);
registerNotify(program);
registerPasskey(program);
registerPlan(program);
registerPolicy(program);
registerReturn(program);
registerRun(program);
registerLogs(program);
registerRunner(program);
registerCa(program);
registerSecret(program);
registerSigner(program);
registerSources(program);
registerTaint(program);
registerStops(program);
registerTests(program);
registerUsage(program);
registerVars(program);
registerVault(program);

const isConformanceKind = (kind: string): kind is ConformanceKind =>
  kind === 'admission' || kind === 'approval';

function print(text: string): void {
  toStdout([text]);
}

const missing = (path: string) => (): never => {
  throw new CliError(exitCode.usage, `${path} cannot be read; name an existing file or directory`);
};

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CliError) {
    process.stderr.write(`airlock: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else if (error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number') {
    // Commander has printed its own message: help and version end in 0, everything else is misuse.
    process.exitCode = error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  } else {
    throw error;
  }
}
