/** `airlock freeze`, `stop`, `quarantine`, `pair cut`, `stops` and `start-again`: one person stops, two start again. */
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { enrolPasskey, liftWithPasskey } from '../decisions.ts';
import { chosenSigner, type SignerOptions } from '../chosen-signer.ts';
import { liftBySsh } from '../lift-by-ssh.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';
import { demoContext, signIn } from '../release-commands.ts';
import {
  listLines,
  readStop,
  readStops,
  requestStop,
  secondsOf,
  shownLines,
  stopLines,
  type StopRequest,
} from '../stop-requests.ts';

const as = (): Option =>
  new Option('--as <person>', 'who, in the demo: dana, leo, mira, oke or aud').default('mira');
const message: readonly [string, string] = [
  '-m, --message <why>',
  'everybody whose delivery waits reads it',
];

type Placing = { readonly as: string; readonly message: string };

export function registerStops(program: Command, print: Print = toStdout): void {
  const place = async (given: Placing, wish: Omit<StopRequest, 'reason'>): Promise<void> => {
    const session = await signIn(given.as);
    const stop = await requestStop(session, { ...wish, reason: given.message });
    print([
      ...stopLines(stop),
      `  Two people start again: airlock start-again ${stop.id}, or ${session.origin}/controls`,
    ]);
  };
  const verb = (name: string, of: Command = program): Command =>
    of
      .command(name)
      .addOption(as())
      .requiredOption(...message);

  verb('freeze')
    .argument('[target...]', 'such as prod-eu')
    .description('let what runs finish, and nothing new begin')
    .option('--all', 'every target')
    .option('--for <duration>', 'over by itself after it, such as 2h; else two people end it')
    .option('--except <promotion...>', 'let through, ids such as prm_7k2q9x0d1f')
    .action(
      async (
        targets: string[],
        given: Placing & { all?: true; for?: string; except?: string[] },
      ) => {
        const { for: duration, except } = given;
        await place(given, {
          ...{ kind: 'freeze', targets: somewhere(targets, given.all) },
          ...(duration === undefined ? {} : { until: fromNow(secondsOf('--for', duration)) }),
          ...(except === undefined ? {} : { except }),
        });
      },
    );
  verb('stop')
    .argument('[target...]', 'such as prod-eu')
    .description('end what runs, revoke what it holds, and let nothing new begin')
    .option('--all', 'every target')
    .action(async (targets: string[], given: Placing & { all?: true }) => {
      await place(given, { kind: 'stop-all', targets: somewhere(targets, given.all) });
    });
  verb('quarantine')
    .argument(
      '<matter>',
      'key:…, builder:…, runner:…, image:…, commit:…, artifact:…, package:… or person:…',
    )
    .description('hold every promotion that rests on it')
    .option('--since <duration>', 'only what was taken in since then, such as 48h')
    .option('--target <name...>', 'only there')
    .action(
      async (
        matter: string,
        given: Placing & { since?: string; target?: string[] },
      ): Promise<void> => {
        const { since, target } = given;
        await place(given, {
          ...{ kind: 'quarantine', matter, targets: target ?? [] },
          ...(since === undefined ? {} : { since: fromNow(-secondsOf('--since', since)) }),
        });
      },
    );
  const pair = program.command('pair').description('the gate and its non-prod');
  verb('cut', pair)
    .description('take nothing more in from non-prod')
    .action(async (given: Placing) => {
      await place(given, { kind: 'cut-pair' });
    });

  const stops = program
    .command('stops')
    .description('what is stopped now, by whom and why, and what was')
    .addOption(as())
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (given: { as: string; output: 'table' | 'json' }) => {
      const listed = await readStops(await signIn(given.as));
      print(given.output === 'json' ? [JSON.stringify(listed, null, 2)] : listLines(listed));
    });
  stops
    .command('show')
    .argument('<stop>', 'id such as stp_7k2q9x0d1f')
    .description('what came of a stop, in force or over, and how soon it took effect')
    .addOption(as())
    .option('--json', 'as the API has it')
    .action(async (stopId: string, given: { as: string; json?: true }) => {
      const shown = await readStop(await signIn(given.as), knownForm(stopId));
      print(given.json === true ? [JSON.stringify(shown, null, 2)] : shownLines(shown));
    });
  program
    .command('start-again')
    .argument('<stop>', 'id such as stp_7k2q9x0d1f')
    .description(
      'sign that a stop is lifted, which takes two people: with a security key of OpenSSH, in the browser, or in the demo with a software passkey',
    )
    .addOption(as())
    .option('--ssh-key <file>', 'sign with ssh-keygen and this hardware key (-t ed25519-sk)')
    .option('--software-key', 'sign with a security key in software (demo only)')
    .action(async (stopId: string, given: SignerOptions) => {
      knownForm(stopId);
      const signer = chosenSigner(given);
      const session = await signIn(given.as);
      if (signer !== null) {
        print([haveSigned(await liftBySsh(session, { stopId, signer, show: print }))]);
        return;
      }
      const passkeyFile = await enrolPasskey(session, resolve(demoContext().passkeys));
      const { statement, have, need } = await liftWithPasskey(session, { stopId, passkeyFile });
      print([
        `${given.as} signed this statement with a software passkey (demo only):`,
        statement,
        haveSigned({ have, need }),
      ]);
    });
}

const haveSigned = ({ have, need }: { readonly have: number; readonly need: number }): string =>
  have < need
    ? `${have} of ${need} have signed; another person starts again with the same command`
    : `${have} of ${need} have signed; it is lifted once the authority has verified both, within seconds`;

/** @throws CliError `usage` for what can be no stop's id. */
function knownForm(stopId: string): string {
  if (/^stp_[0-9a-z]{10}$/.test(stopId)) return stopId;
  throw new CliError(
    exitCode.usage,
    `${JSON.stringify(stopId)} is no stop; ids look like stp_7k2q9x0d1f and stand in: airlock stops`,
  );
}

/** None means all, which nobody shall say by leaving something out. */
function somewhere(targets: readonly string[], all: true | undefined): readonly string[] {
  if (all === true && targets.length > 0) {
    throw new CliError(exitCode.usage, 'name targets or --all, not both');
  }
  if (all !== true && targets.length === 0) {
    throw new CliError(exitCode.usage, 'name the targets, or --all');
  }
  return targets;
}

const fromNow = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
