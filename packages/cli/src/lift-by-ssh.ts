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
import { readStop, stopLines, type PlacedStop } from './stop-requests.ts';
import type { WebSession } from './web-session.ts';

/**
 * What the statement has whoever signs it say, from the signed bytes alone.
 *
 * @throws CliError `failedCheck` when it is of another stop than this one, or of something else in its members. Where its row is gone
 *   nobody but the ledger has its digest; then that is said, and not held against anything.
 */
export function describeLift(statement: Uint8Array, stop: PlacedStop): readonly string[] {
  const said = parsed(statement);
  if (said.id !== stop.id) {
    throw new CliError(
      exitCode.failedCheck,
      `the statement is of the stop ${safe(said.id)}, not of ${stop.id}. Sign nothing, and tell platform: the gate's page may be lying`,
    );
  }
  const isWhole = stop.reason !== null;
  if (isWhole && said.digest !== placedStopDigest(stop)) {
    throw new CliError(
      exitCode.failedCheck,
      `the statement is over sha256:${said.digest}, and the stop that was shown is sha256:${placedStopDigest(stop)}. Sign nothing, and tell platform: the gate's page may be lying`,
    );
  }
  return [
    ...stopLines(stop),
    `  you           ${safe(said.person)}, who says that it is lifted`,
    `  counts until  ${safe(said.notAfter)}`,
    `  digest        sha256:${said.digest}${isWhole ? '' : ', which cannot be computed here without its reason'}`,
  ];
}

function parsed(statement: Uint8Array): ReturnType<typeof parseCoSignature> {
  try {
    return parseCoSignature(liftMatter, statement);
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    throw new CliError(
      exitCode.failedCheck,
      `the statement is not one that lifts a stop: ${cause.message}. Sign nothing`,
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
  given.show(['You sign this:', ...describeLift(bytes, stop)]);
  const signature = given.signer.sign(approvalNamespace, bytes);
  return Lifted.parse(await session.postJson(`${path}/ssh`, { nonce, signature }));
}
