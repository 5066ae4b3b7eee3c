import { becomeAdministrator } from './become-administrator.ts';
import { CliError, exitCode } from './exit-codes.ts';
import { demoContext } from './release-commands.ts';
import { sessionWithToken, signInToDemo, type WebSession } from './web-session.ts';

/**
 * A session at nonprod: with the token in AIRLOCK_TOKEN at the service of AIRLOCK_NONPROD, or, without them, in the demo
 * that this directory runs as one of its people.
 *
 * @throws CliError when only one of the two is set, or neither and no demo runs here.
 */
export function nonprodSession(
  person: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<WebSession> {
  const { AIRLOCK_NONPROD: origin, AIRLOCK_TOKEN: token } = environment;
  if (origin !== undefined && token !== undefined) return sessionWithToken(origin, token);
  if (origin === undefined && token === undefined) {
    return signInToDemo(demoContext().nonprod, person).then((session) =>
      becomeAdministrator(session, 'a command of the command line'),
    );
  }
  throw new CliError(
    exitCode.usage,
    'set both AIRLOCK_NONPROD (such as https://ci.example) and AIRLOCK_TOKEN (made on its page /me/tokens), or neither to use the demo',
  );
}
