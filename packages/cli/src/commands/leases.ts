/** `airlock leases`: which credentials of production live, and how those that lived ended. */
import { setTimeout as delay } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { signIn } from '../release-commands.ts';
import { requestStop, secondsOf, stopLines } from '../stop-requests.ts';

const Time = z.iso.datetime().nullable();

const Credential = z.looseObject({
  as: z.string(),
  kind: z.string(),
  path: z.string(),
  ending: z.enum(['revocable', 'ttl-only', 'by-hand']),
  holder: z.string().nullable(),
  issuedAt: Time,
  diesAtLatest: Time,
  goneAt: Time,
  /** `due` while the credential lives. */
  trial: z.enum(['due', 'refused', 'works', 'unknown']).nullable(),
});
type Credential = z.infer<typeof Credential>;

const Session = z.looseObject({
  delivery: z.string(),
  target: z.string(),
  state: z.enum(['INTENT', 'TOKEN', 'LEASED', 'REVOKING', 'REVOKE_PENDING', 'CLEAN']),
  attempts: z.number(),
  lastError: z.string().nullable(),
  credentials: z.array(Credential),
});
export type LeaseSession = z.infer<typeof Session>;

const Leases = z.object({ leases: z.array(Session) });

type Options = {
  delivery?: string;
  target?: string;
  live?: true;
  as: string;
  output: 'table' | 'json';
};

export function registerLeases(program: Command, print: Print = toStdout): void {
  const leases = program
    .command('leases')
    .enablePositionalOptions()
    .description(
      'credentials of deliveries: where from, known as, issued, dies at the latest, how it ended',
    )
    .option('--delivery <id>', 'of one delivery, such as dlv_7k2q9x0d1f; else of the newest 100')
    .option('--target <name>', 'of one target')
    .option('--live', 'what has not ended')
    .addOption(
      new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (options: Options) => {
      const path = leasesPath(options.delivery);
      const session = await signIn(options.as);
      const { leases } = Leases.parse(await session.getJson(path));
      const shown = chosenLeases(leases, options, new Date());
      print(
        options.output === 'json'
          ? [JSON.stringify({ leases: shown }, null, 2)]
          : leaseLines(shown, {
              now: new Date(),
              live: options.live === true,
              target: options.target,
              anyOfTarget: leases.some(({ target }) => target === options.target),
            }),
      );
    });
  registerRevocation(leases, print);
}

type Revocation = {
  readonly all?: true;
  readonly target?: readonly string[];
  readonly delivery?: string;
  readonly as: string;
  readonly message: string;
  readonly wait: string;
};

/** Between two looks at what is left. */
const lookEveryMs = 500;

function registerRevocation(leases: Command, print: Print): void {
  leases
    .command('revoke')
    .description(
      'kill what runs and revoke what it holds, now; count what lives until nothing does, exit 4 when something does after --wait',
    )
    .option('--all', 'every target; new deliveries wait until two people start again')
    .option('--target <name...>', 'there; new deliveries wait until two people start again')
    .option('--delivery <id>', 'that one alone; others go on')
    .requiredOption('-m, --message <why>', 'everybody whose delivery waits reads it')
    .option('--wait <duration>', 'how long to look whether they are gone', '60s')
    .addOption(
      new Option('--as <person>', 'who, in the demo: dana, leo, mira, oke or aud').default('mira'),
    )
    .action(async (given: Revocation) => {
      const scope = scopeOf(given);
      const waitMs = secondsOf('--wait', given.wait) * 1000;
      const session = await signIn(given.as);
      const live = async (): Promise<LeaseSession[]> => {
        const path = leasesPath(given.delivery);
        const { leases: all } = Leases.parse(await session.getJson(path));
        return chosenLeases(all, { live: true }, new Date()).filter(
          ({ target }) => given.target === undefined || given.target.includes(target),
        );
      };
      const before = await live();
      const began = performance.now();
      const stop = await requestStop(session, {
        ...{ kind: 'revoke-leases', reason: given.message },
        ...scope,
      });
      print(stopLines(stop));
      let counted = countOf(before);
      print([`${counted} live`]);
      let left = before;
      while (counted > 0 && performance.now() - began < waitMs) {
        await delay(lookEveryMs);
        left = await live();
        if (countOf(left) === counted) continue;
        counted = countOf(left);
        print([`${counted} live after ${((performance.now() - began) / 1000).toFixed(1)} s`]);
      }
      const { leases: now } = Leases.parse(await session.getJson('/api/v1/leases'));
      const theirs = now.filter(({ delivery }) => before.some((one) => one.delivery === delivery));
      if (theirs.length > 0) print(leaseLines(theirs, { now: new Date(), live: false }));
      if (counted === 0) return;
      print([
        `! ${counted} not proven gone; the watchdog goes on, and each dies at the time above at the latest`,
      ]);
      process.exitCode = exitCode.waiting;
    });
}

/** @throws CliError `usage` unless exactly one was named. */
function scopeOf({ all, target, delivery }: Revocation): {
  readonly targets?: readonly string[];
  readonly matter?: string;
} {
  const named = [all, target, delivery].filter((each) => each !== undefined);
  if (named.length !== 1) {
    throw new CliError(exitCode.usage, 'name one of --all, --target NAME… and --delivery ID');
  }
  leasesPath(delivery);
  if (delivery !== undefined) return { matter: `delivery:${delivery}` };
  return { targets: target ?? [] };
}

const countOf = (sessions: readonly LeaseSession[]): number =>
  sessions.reduce((sum, { credentials }) => sum + credentials.length, 0);

/** @throws CliError `usage` when `id` is no delivery's, before anything is sent. */
function leasesPath(id: string | undefined): string {
  if (id === undefined) return '/api/v1/leases';
  if (/^dlv_[0-9a-z]{10}$/.test(id)) return `/api/v1/deliveries/${id}`;
  throw new CliError(
    exitCode.usage,
    `${JSON.stringify(id)} is no delivery; ids look like dlv_7k2q9x0d1f and stand in: airlock leases`,
  );
}

/** Of what the gate answered, that of one target, and only what lives where `live` is asked. */
export function chosenLeases(
  leases: readonly LeaseSession[],
  { target, live }: Pick<Options, 'target' | 'live'>,
  now: Date,
): LeaseSession[] {
  return leases
    .filter((session) => target === undefined || session.target === target)
    .map((session) =>
      live === true
        ? {
            ...session,
            credentials: session.credentials.filter((one) => isLive(session, one, now)),
          }
        : session,
    )
    .filter(({ credentials }) => live !== true || credentials.length > 0);
}

/** As on the gate's page: a secret that only a person ends is no lease, it would stand here for good. */
function isLive(session: LeaseSession, credential: Credential, now: Date): boolean {
  const { issuedAt, diesAtLatest, goneAt } = credential;
  if (credential.ending === 'by-hand') return false;
  const isOver = session.state === 'CLEAN';
  if (issuedAt === null || credential.ending === 'revocable') return !isOver && goneAt === null;
  return diesAtLatest === null || new Date(diesAtLatest) > now;
}

type Asked = {
  readonly now: Date;
  readonly live: boolean;
  readonly target?: string | undefined;
  /** Whether the gate's answer had anything of `target`: a name that is spelt wrongly is no proof that nothing lives. */
  readonly anyOfTarget?: boolean;
};

/** For people: three lines a credential, and what holds the target of a session that cannot be ended. */
export function leaseLines(
  leases: readonly LeaseSession[],
  { now, live, target, anyOfTarget = true }: Asked,
): string[] {
  if (leases.length === 0) {
    if (target !== undefined && !anyOfTarget) {
      return [
        `Nothing of target ${safe(target)} is among the newest 100 deliveries. Is that its name? See: airlock queue`,
      ];
    }
    return [live ? 'No live leases. That is the normal state.' : 'No credential was ever issued.'];
  }
  return leases.flatMap((session) => [
    `${session.delivery} → ${safe(session.target)}  (${session.state})`,
    ...session.credentials.flatMap((credential) => [
      `  ${safe(credential.as)}  ${credential.kind}  ${safe(credential.path)}${credential.holder === null ? '' : `  known as ${safe(credential.holder)}`}`,
      `    issued ${shown(credential.issuedAt)}  dies at the latest ${shown(credential.diesAtLatest)}  gone ${shown(credential.goneAt)}`,
      `    ${endOf(session, credential, now)}`,
    ]),
    ...(session.state === 'REVOKE_PENDING'
      ? [
          `  ! not proven revoked after ${session.attempts} attempts; ${safe(session.target)} takes no delivery until it is, and the watchdog tries again within 10 s`,
          `    ${safe(session.lastError ?? 'no reason given')}`,
        ]
      : []),
  ]);
}

const liveStates = {
  INTENT: 'asked for, not read yet',
  TOKEN: 'logged in, not read yet',
  LEASED: 'live, used by the hook',
  REVOKING: 'being revoked',
  REVOKE_PENDING: 'revocation not proven yet',
  CLEAN: 'never read',
} as const;

/** How it ends or ended: only what Vault was seen to take back is called revoked. */
function endOf(session: LeaseSession, credential: Credential, now: Date): string {
  const { issuedAt, diesAtLatest, goneAt, ending, trial } = credential;
  if (issuedAt !== null && ending === 'by-hand') {
    // As people name it: `data/` is how its API is asked.
    const secret = safe(credential.path.replace('/data/', '/'));
    return `does not end by itself: replace ${secret} at Vault by hand`;
  }
  if (issuedAt !== null && ending === 'ttl-only') {
    const isOver = diesAtLatest !== null && new Date(diesAtLatest) <= now;
    return isOver
      ? `ended by itself at ${shown(diesAtLatest)}; revocation could not end it`
      : `ends by itself at ${shown(diesAtLatest)}; revocation cannot end it`;
  }
  if (issuedAt === null || goneAt === null) {
    if (session.state === 'REVOKE_PENDING' && trial === 'works') return 'still works at the target';
    return liveStates[session.state];
  }
  const lived = (new Date(goneAt).getTime() - new Date(issuedAt).getTime()) / 1000;
  return `revoked, lived ${lived.toFixed(2)} s${trial === 'refused' ? '; the target refuses it' : ''}`;
}

const shown = (time: string | null): string => (time === null ? '–' : `${time.slice(0, 19)}Z`);
