/**
 * For tests only: people with passkeys, and what a browser and a passkey give for an approval, so that a test changes the
 * one thing it is about. No process may import this: it makes keys.
 */
import { Buffer } from 'node:buffer';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { approvalChallenge, approvalStatement, type Approval } from '../approval/statement.ts';
import type {
  ApprovalEvidence,
  ApprovalInput,
  ApproverCredential,
} from '../approval/verify-approvals.ts';

export type Person = {
  readonly name: string;
  readonly credential: ApproverCredential;
  readonly privateKey: KeyObject;
};

/** What differs from the good approval; all of it is signed as it stands. */
export type SigningChanges = {
  readonly statement?: Partial<Approval>;
  readonly statementText?: (good: string) => string;
  readonly clientData?: Record<string, unknown>;
  readonly clientDataText?: (good: string) => string;
  readonly rpId?: string;
  readonly flags?: number;
  readonly counter?: number;
  readonly trailing?: Buffer;
};

export type ApprovalWorld = ReturnType<typeof createApprovalWorld>;

export function createApprovalWorld() {
  const now = new Date('2026-11-22T12:00:00Z');
  const promotion = 'f'.repeat(64);
  const origin = 'https://gate.example';

  const person = (
    name: string,
    alg: 'p256' | 'ed25519' = 'p256',
    changes: Partial<ApproverCredential> = {},
  ): Person => {
    const { publicKey, privateKey } =
      alg === 'p256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
    const credential: ApproverCredential = {
      id: `cred-${name}`,
      approver: name,
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      rpId: 'gate.example',
      origins: [origin],
      signCount: 5,
      roles: ['release-manager'],
      countsFrom: null,
      revokedAt: null,
      ...changes,
    };
    return { name, credential, privateKey };
  };

  const approve = (by: Person, changes: SigningChanges = {}): ApprovalEvidence => {
    const good = approvalStatement({
      promotionDigest: promotion,
      target: 'prod-eu',
      approver: by.name,
      nonce: `nonce-${by.name}`,
      notAfter: '2026-11-22T13:00:00Z',
      ...changes.statement,
      // Any text, because a rejection and a misspelt decision are what some tests are about.
      decision: (changes.statement?.decision ?? 'approve') as 'approve',
    });
    const statement = Buffer.from(changes.statementText?.(good.toString()) ?? good.toString());
    const clientData = JSON.stringify({
      type: 'webauthn.get',
      challenge: approvalChallenge(statement).toString('base64url'),
      origin,
      crossOrigin: false,
      ...changes.clientData,
    });
    const clientDataBytes = Buffer.from(changes.clientDataText?.(clientData) ?? clientData);
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(changes.counter ?? 6);
    const authenticatorData = Buffer.concat([
      createHash('sha256')
        .update(changes.rpId ?? 'gate.example')
        .digest(),
      Buffer.of(changes.flags ?? 0x05),
      counter,
      changes.trailing ?? Buffer.alloc(0),
    ]);
    const algorithm = by.privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
    const evidence = {
      statement: statement.toString('base64'),
      credentialId: by.credential.id,
      authenticatorData: authenticatorData.toString('base64url'),
      clientDataJSON: clientDataBytes.toString('base64url'),
      signature: '',
    };
    const signature = sign(algorithm, signedMessage(evidence), by.privateKey);
    return { ...evidence, signature: signature.toString('base64url') };
  };

  const leo = person('leo');
  const mira = person('mira', 'ed25519');

  /** Everything that `verifyApprovals` needs for these approvals, all of it good. */
  const input = (
    approvals: readonly ApprovalEvidence[],
    changes: Partial<ApprovalInput> = {},
  ): ApprovalInput => ({
    approvals,
    credentials: [leo.credential, mira.credential],
    promotion,
    target: 'prod-eu',
    decision: 'approve',
    rules: [{ role: 'release-manager', count: 2 }],
    requester: 'dana',
    authors: ['dana', 'kim'],
    editors: [],
    usedNonces: new Set(),
    now,
    ...changes,
  });

  return { now, promotion, origin, leo, mira, person, approve, input };
}

/** The bytes that a passkey signs: authenticator data, then the digest of the client data. */
export function signedMessage(evidence: ApprovalEvidence): Buffer {
  return Buffer.concat([
    Buffer.from(evidence.authenticatorData, 'base64url'),
    createHash('sha256').update(Buffer.from(evidence.clientDataJSON, 'base64url')).digest(),
  ]);
}
