/**
 * Starting again without a browser: the statement is held against the stop that it names, whose digest is computed here, shown, and
 * signed by `ssh-keygen -Y sign` on a hardware key.
 */
import { parseCoSignature } from '@airlock/common/approval/co-signature';
import { liftMatter, placedStopDigest } from '@airlock/common/approval/lift';
import { approvalNamespace } from '@airlock/common/constants';
import { AirlockError } from '@airlock/common/errors';
import { z } from 'zod';
import type { SshSigner } from './approve-by-ssh.ts';
import { CliError, exitCode } from './exit-codes.ts';
import { safe } from './print.ts';
import { readStop, stopFacts, type PlacedStop } from './stop-requests.ts';
import type { WebSession } from './web-session.ts';

/**
 * What the statement has whoever signs it say, from the signed bytes alone.
 *
 * @param asked id of the stop that is to be lifted
 * @throws CliError `failedCheck` when the stop that was shown or the statement is of another one, when they differ in any member, and
 *   where the stop's row is gone: then nothing that could be shown is what the digest covers.
 */
export function describeLift(
  statement: Uint8Array,
  { asked, stop }: { readonly asked: string; readonly stop: PlacedStop },
): readonly string[] {
  const said = parsed(statement);
  for (const [what, id] of [
    ['stop that is shown is', stop.id],
    ['statement is of the stop', said.id],
  ] as const) {
    if (id !== asked) throw refused(`the ${what} ${safe(id)}, not ${asked}`);
  }
  if (stop.reason === null) {
    throw new CliError(
      exitCode.failedCheck,
      `the row of ${asked} is gone, and with it what sha256:${said.digest} is of: nothing can be held against it here, so nothing is signed. Have platform find out who deleted it, and compare that digest with the stop's entry on /ledger; then start again in the browser`,
    );
  }
  const digest = placedStopDigest(stop);
  if (said.digest !== digest) {
    throw refused(
      `the statement is over sha256:${said.digest}, and the stop that was shown is sha256:${digest}`,
    );
  }
  return [
    ...stopFacts(stop),
    `  you           ${safe(said.person)}, who says that it is lifted`,
    `  counts until  ${safe(said.notAfter)}`,
    `  digest        sha256:${digest}`,
  ];
}

const refused = (why: string): CliError =>
  new CliError(
    exitCode.failedCheck,
    `${why}. Sign nothing, and tell platform: the gate's page may be lying`,
  );

function parsed(statement: Uint8Array): ReturnType<typeof parseCoSignature> {
  try {
    return parseCoSignature(liftMatter, statement);
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    throw new CliError(
      exitCode.failedCheck,
      `the statement is not one that lifts a stop: ${safe(cause.message)}. Sign nothing`,
      { cause },
    );
  }
}

const Ceremony = z.looseObject({ nonce: z.string(), statement: z.string() });
const Lifted = z.looseObject({ have: z.number(), need: z.number() });

/** Begins the ceremony, shows by `show` what is signed, and signs. @returns how many have signed and how many it takes. */
export async function liftBySsh(
  session: WebSession,
  given: {
    readonly stopId: string;
    readonly signer: SshSigner;
    readonly show: (lines: readonly string[]) => void;
  },
): Promise<{ have: number; need: number }> {
  const path = `/api/v1/stops/${given.stopId}/lift`;
  const { stop } = await readStop(session, given.stopId);
  const { nonce, statement } = Ceremony.parse(await session.postJson(`${path}/options`, {}));
  const bytes = Buffer.from(statement);
  given.show(['You sign this:', ...describeLift(bytes, { asked: given.stopId, stop })]);
  const signature = given.signer.sign(approvalNamespace, bytes);
  return Lifted.parse(await session.postJson(`${path}/ssh`, { nonce, signature }));
}
