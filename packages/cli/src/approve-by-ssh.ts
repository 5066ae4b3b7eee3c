/**
 * Approving without a browser: the statement is read, held against the document that it names, shown, and signed by
 * `ssh-keygen -Y sign` on a hardware key. What a page says of the promotion plays no part.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { signingKeyOf, parseSecurityKey } from '@airlock/common/approval/security-key';
import { parseApprovalStatement } from '@airlock/common/approval/statement';
import { approvalNamespace, enrolmentNamespace } from '@airlock/common/constants';
import { AirlockError } from '@airlock/common/errors';
import { parsePromotionDocument, promotionDigest } from '@airlock/common/promotion/document';
import { digestWords } from '@airlock/common/promotion/digest-words';
import { waiverOf } from '@airlock/common/promotion/waiver';
import { z } from 'zod';
import { CliError, exitCode } from './exit-codes.ts';
import { safe } from './print.ts';
import { createSoftwareSecurityKey, restoreSoftwareSecurityKey } from './software-security-key.ts';
import type { WebSession } from './web-session.ts';

/**
 * What the statement has whoever signs it say, from the signed bytes alone.
 *
 * @throws CliError `failedCheck` when the document is not the one that the statement names.
 */
export function describeStatement(statement: Uint8Array, document: Uint8Array): readonly string[] {
  const approval = parsed(() => parseApprovalStatement(statement), 'statement');
  const digest = promotionDigest(document);
  if (approval.promotionDigest !== digest) {
    throw new CliError(
      exitCode.failedCheck,
      `the statement is over the promotion sha256:${approval.promotionDigest}, and the document that was shown is sha256:${digest}. Sign nothing, and tell platform: the gate's page may be lying`,
    );
  }
  const facts = parsed(() => parsePromotionDocument(document), 'document');
  if (facts.target !== approval.target) {
    throw new CliError(
      exitCode.failedCheck,
      `the statement is for the target ${safe(approval.target)}, its document for ${safe(facts.target)}. Sign nothing, and tell platform`,
    );
  }
  const { base, rules, editors, return: back } = facts;
  const waiver = waiverOf(facts);
  const params = Object.entries(facts.params).map(([name, value]) => `${name}=${String(value)}`);
  const rows: readonly (readonly [string, string])[] = [
    ['you', `${approval.approver}, who says: ${approval.decision}`],
    ...(waiver === null
      ? []
      : ([[waiver.kind, `${waiver.person}: ${waiver.justification}`]] as const)),
    ...(back === undefined
      ? []
      : ([
          ['return', `to what ${back.delivery} brought (${back.promotion}): ${back.reason}`],
          ...back.migrations.map(
            ({ path, answer }) => ['migration', `${path}: ${answer}`] as const,
          ),
        ] as const)),
    ['release', facts.release],
    ['target', facts.target],
    ['gate', facts.gate],
    ['live now', base === null ? 'nothing' : `${base.release} (${base.commit})`],
    ['repository', facts.repository],
    ['commit', facts.commit],
    ['artifact', `${facts.subject} sha256:${facts.artifact}`],
    ['hook', facts.hook],
    ['parameters', params.join(' ') || 'none'],
    ['target file', `sha256:${facts.policy}`],
    ['roster', `sha256:${facts.roster}`],
    ['changes', `sha256:${facts.delta}`],
    [
      'takes',
      rules?.map(({ role, count }) => `${count} of ${role}`).join(', ') ?? 'the first rule',
    ],
    ['not counted', editors?.join(', ') || 'nobody for having signed the configuration'],
    ['asked by', `${facts.requester} at ${facts.requestedAt}`],
    ['counts until', approval.notAfter],
    ['digest', `sha256:${digest}`],
    ['in words', digestWords(digest)],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(12)} ${safe(value)}`);
}

function parsed<T>(read: () => T, what: string): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    throw new CliError(
      exitCode.failedCheck,
      `the ${what} is not one that this version knows: ${cause.message}. Sign nothing`,
      { cause },
    );
  }
}

/** Signs with `ssh-keygen -Y sign`. @param keyFile the private half's file, which on a hardware key is only a handle. */
export function signWithSshKeygen(keyFile: string, namespace: string, message: Uint8Array): string {
  publicKeyOf(keyFile);
  const { status, stdout, stderr, error } = spawnSync(
    'ssh-keygen',
    ['-Y', 'sign', '-n', namespace, '-f', keyFile],
    { input: message, encoding: 'utf8' },
  );
  if (status === 0) return stdout;
  throw new CliError(
    exitCode.error,
    // One that ends before it has read the message (EPIPE) did run, and said why.
    status !== null
      ? `ssh-keygen did not sign with ${keyFile}: ${safe(stderr.trim())}`
      : `ssh-keygen cannot be run (${error?.message ?? 'it was killed'}); install OpenSSH 8.2 or newer`,
  );
}

/** The `.pub` line of a security key. @throws CliError for a key that lies in a file, before anything is signed. */
function publicKeyOf(keyFile: string): string {
  const file = `${keyFile}.pub`;
  if (!existsSync(file)) {
    throw new CliError(
      exitCode.usage,
      `${file} is missing; name the key that it is the public half of`,
    );
  }
  const line = readFileSync(file, 'utf8').trim();
  try {
    parseSecurityKey(line);
    return line;
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    throw new CliError(exitCode.usage, `${keyFile} cannot approve: ${cause.message}`, { cause });
  }
}

/** A key that signs: in hardware by ssh-keygen, in the demo by software. */
export interface SshSigner {
  readonly publicKey: string;
  sign(namespace: string, message: Uint8Array): string;
}

export const hardwareSigner = (keyFile: string): SshSigner => ({
  publicKey: publicKeyOf(keyFile),
  sign: (namespace, message) => signWithSshKeygen(keyFile, namespace, message),
});

/** Demo only: makes the key when the file is not there. The file keeps the counter, too. */
export function softwareSigner(keyFile: string): SshSigner {
  const key = existsSync(keyFile)
    ? restoreSoftwareSecurityKey(readFileSync(keyFile, 'utf8'))
    : createSoftwareSecurityKey();
  const keep = (): void => {
    writeFileSync(keyFile, key.serialize(), { mode: 0o600 });
  };
  keep();
  return {
    publicKey: key.publicKey,
    sign(namespace, message) {
      const signature = key.sign({ namespace, message });
      keep();
      return signature;
    },
  };
}

const EnrolmentText = z.looseObject({ challenge: z.string(), text: z.string() });
const Ceremony = z.looseObject({ nonce: z.string(), statement: z.string() });

/** @returns the key's fingerprint. */
export async function enrolSecurityKey(
  session: WebSession,
  signer: SshSigner,
  label: string,
): Promise<string> {
  const path = '/api/v1/me/security-keys';
  const { challenge, text } = EnrolmentText.parse(await session.postJson(`${path}/options`, {}));
  const signature = signer.sign(enrolmentNamespace, Buffer.from(text));
  await session.postJson(path, { challenge, label, publicKey: signer.publicKey, signature });
  return signingKeyOf(signature);
}

/** Begins the ceremony, shows by `show` what is signed, signs and decides. */
export async function approveBySsh(
  session: WebSession,
  given: {
    readonly promotionId: string;
    readonly signer: SshSigner;
    readonly note: string;
    readonly show: (lines: readonly string[]) => void;
  },
): Promise<void> {
  const path = `/api/v1/promotions/${given.promotionId}/decisions`;
  const [ceremony, document] = await Promise.all([
    session.postJson(`${path}/options`, {}),
    session.getBytes(`/promotions/${given.promotionId}/document.json`),
  ]);
  const { nonce, statement } = Ceremony.parse(ceremony);
  const bytes = Buffer.from(statement);
  given.show(['You sign this:', ...describeStatement(bytes, document)]);
  const signature = given.signer.sign(approvalNamespace, bytes);
  await session.postJson(`${path}/ssh`, { nonce, note: given.note, signature });
}
