/** `airlock passkey`: whose passkeys count at the gate, and taking one away. Adding one needs a browser. */
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { forgetPasskey } from '../decisions.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { demoContext, signIn } from '../release-commands.ts';

const Listed = z.looseObject({
  page: z.int(),
  hasMore: z.boolean(),
  passkeys: z.array(
    z.looseObject({
      credentialId: z.string(),
      person: z.string(),
      label: z.string(),
      state: z.enum(['recording', 'first-day', 'unlisted', 'in-force', 'withdrawn']),
      enrolledAt: z.string(),
      countsFrom: z.string().nullable(),
      withdrawnAt: z.string().nullable(),
    }),
  ),
});
export type ListedPasskeys = z.infer<typeof Listed>;

const as = (): Option =>
  new Option('--as <person>', 'who, in the demo: dana, leo, mira, oke or aud').default('mira');

export function registerPasskey(program: Command, print: Print = toStdout): void {
  const passkey = program
    .command('passkey')
    .description('passkeys of everybody who decides at the gate');
  passkey
    .command('list')
    .description('those that wait first, all of them; then those in force or withdrawn')
    .option('--page <number>', 'of those in force or withdrawn', '1')
    .addOption(as())
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (given: { as: string; page: string; output: 'table' | 'json' }) => {
      const session = await signIn(given.as);
      const answer = await session.getJson(
        `/api/v1/passkeys?page=${encodeURIComponent(given.page)}`,
      );
      print(
        given.output === 'json'
          ? [JSON.stringify(answer, null, 2)]
          : passkeyLines(Listed.parse(answer), session.origin),
      );
    });
  passkey
    .command('withdraw')
    .argument('<id>', 'as airlock passkey list shows it; behind -- where it begins with a dash')
    .description('your own at any time; in its first day another’s, that its person did not add')
    .addOption(as())
    .action(async (credentialId: string, given: { as: string }) => {
      const session = await signIn(given.as);
      await session.postJson('/api/v1/passkeys/withdrawal', { credentialId });
      forgetPasskey(session, { directory: resolve(demoContext().passkeys), credentialId });
      print([
        `${safe(credentialId)} is withdrawn for good. What it approved and is not delivered yet is approved anew.`,
        `  A new one is added in the browser: ${session.origin}/me`,
      ]);
    });
  passkey
    .command('add')
    .description('says where: your authenticator answers a browser, at the gate’s own address')
    .action(() => {
      const page = `${demoContext().gate}/me`;
      const text = `a passkey is added in the browser, because your authenticator answers the gate’s own address alone: ${page}`;
      throw new CliError(exitCode.notAllowed, text);
    });
}

/** The API's page of passkeys for a terminal. */
export function passkeyLines(
  { page, hasMore, passkeys }: ListedPasskeys,
  origin: string,
): string[] {
  return [
    ...(passkeys.length === 0 ? ['None.'] : []),
    ...passkeys.flatMap((each) => [
      `${safe(each.credentialId)}  ${safe(each.person)}  “${safe(each.label)}”`,
      `  ${stateInWords(each)}; added ${short(each.enrolledAt)}`,
    ]),
    ...(hasMore ? [`Older ones: airlock passkey list --page ${page + 1}`] : []),
    `Not its person’s? airlock passkey withdraw ID. One is added in the browser: ${origin}/me`,
  ];
}

const short = (at: string | null): string => (at === null ? '?' : `${at.slice(0, 19)}Z`);

function stateInWords(each: ListedPasskeys['passkeys'][number]): string {
  switch (each.state) {
    case 'recording':
      return 'waits for the ledger, which has it within seconds';
    case 'first-day':
      return `waits: counts from ${short(each.countsFrom)}, when it is in the roster by then`;
    case 'unlisted':
      return 'waits: counts once it is in the roster';
    case 'in-force':
      return 'in force';
    case 'withdrawn':
      return `withdrawn ${short(each.withdrawnAt)}`;
  }
}
