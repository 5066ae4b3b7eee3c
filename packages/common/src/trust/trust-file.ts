/** trust.json: whose signatures a gate counts. Changed by proposing a new file that administrators sign. */
import { z } from 'zod';
import { formatTimestamp } from '../time.ts';
import { Name } from '../wire/scalars.ts';
import { importTrust, requireWholeTrust, TrustError, TrustRow } from './signer.ts';

/** A row of trust.json. Without its domain nobody could say whether two keys are two who have to be captured. */
export const TrustFileRow = TrustRow.extend({
  adminDomain: Name.describe('Who administers the machine that holds the key.'),
});
export type TrustFileRow = z.infer<typeof TrustFileRow>;

export const TrustFile = z.strictObject({
  version: z.literal(1),
  signers: z.array(TrustFileRow).min(1),
});
export type TrustFile = z.infer<typeof TrustFile>;

/** Adds a row. @throws TrustError for a key that stands in the file already, or a row that is not whole. */
export function pinSigner(file: TrustFile, row: TrustFileRow): TrustFile {
  if (file.signers.some(({ keyid }) => keyid === row.keyid)) {
    throw new TrustError('E_TRUST_STORE', `key ${row.keyid} stands in the file already`);
  }
  return whole({ ...file, signers: [...file.signers, row] });
}

/**
 * Puts a new key beside an old one: the same roles, builders and domain, valid from now on; the old one ends after the
 * overlap. Its holder signs with both until then, so that no release falls between them.
 *
 * @throws TrustError for a key that is not in the file, has ended or is revoked, or ends before the overlap does.
 */
export function rotateSigner(
  file: TrustFile,
  keyid: string,
  change: {
    readonly key: Pick<TrustFileRow, 'keyid' | 'publicKeyPem' | 'alg'>;
    readonly now: Date;
    readonly overlapSeconds: number;
    readonly notAfter: Date;
  },
): TrustFile {
  const { now } = change;
  const old = rowOf(file, keyid);
  const ends = new Date(now.getTime() + change.overlapSeconds * 1000);
  if (old.revokedAt !== undefined) {
    throw new TrustError('E_TRUST_STORE', `key ${keyid} is revoked; pin the new key by itself`);
  }
  if (Date.parse(old.notAfter) < ends.getTime()) {
    throw new TrustError(
      'E_TRUST_STORE',
      `key ${keyid} ends at ${old.notAfter}, within the overlap; choose a shorter one, or pin the new key by itself`,
    );
  }
  const { roles, builderIds, adminDomain } = old;
  const ending = replaceRow(file, { ...old, notAfter: formatTimestamp(ends) });
  return pinSigner(ending, {
    ...change.key,
    ...{ roles, builderIds, adminDomain },
    notBefore: formatTimestamp(now),
    notAfter: formatTimestamp(change.notAfter),
  });
}

/** Revokes a key: nothing that it signed counts from then on, however old. @throws TrustError for an unknown or revoked key. */
export function distrustSigner(file: TrustFile, keyid: string, revokedAt: Date): TrustFile {
  const row = rowOf(file, keyid);
  if (row.revokedAt !== undefined) {
    throw new TrustError('E_TRUST_STORE', `key ${keyid} is revoked since ${row.revokedAt}`);
  }
  return whole(replaceRow(file, { ...row, revokedAt: formatTimestamp(revokedAt) }));
}

export function rowOf(file: TrustFile, keyid: string): TrustFileRow {
  const row = file.signers.find((each) => each.keyid === keyid);
  if (row !== undefined) return row;
  throw new TrustError(
    'E_TRUST_STORE',
    `no key ${keyid} in the file; it has ${file.signers.map((each) => each.keyid).join(', ')}`,
  );
}

const replaceRow = (file: TrustFile, row: TrustFileRow): TrustFile => ({
  ...file,
  signers: file.signers.map((each) => (each.keyid === row.keyid ? row : each)),
});

function whole(file: TrustFile): TrustFile {
  requireWholeTrust(importTrust(file.signers));
  return file;
}
