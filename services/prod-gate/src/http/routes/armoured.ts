/** Signatures of `ssh-keygen -Y sign`, as routes take them in the place of a browser's answer. */
import { ApprovalError } from '@airlock/common/approval/approval-codes';
import { signingKeyOf } from '@airlock/common/approval/security-key';
import { z } from 'zod';
import { DecisionError } from '../../app/decision-error.ts';

/** As ssh-keygen writes it; a form's lines end in CR LF. */
export const Armoured = z
  .string()
  .max(16 * 1024)
  .transform((text) => `${text.replaceAll('\r\n', '\n').trim()}\n`);

/** An armoured signature says itself which key made it. @throws DecisionError `passkey-refused` */
export function answerOf(signature: string) {
  try {
    return {
      credentialId: signingKeyOf(signature),
      ...{ authenticatorData: '', clientDataJSON: '', signature },
    };
  } catch (cause) {
    if (!(cause instanceof ApprovalError)) throw cause;
    throw new DecisionError(
      'passkey-refused',
      `That is no signature of ssh-keygen -Y sign: ${cause.message} (${cause.code}).`,
      { cause },
    );
  }
}
