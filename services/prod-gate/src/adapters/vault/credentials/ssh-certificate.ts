/**
 * Reads an OpenSSH user certificate for a P-256 key: enough to see whose key it signs, for whom and until when. Nothing is
 * verified; the server that it is shown to does that.
 *
 * @see OpenSSH PROTOCOL.certkeys
 */

export type SshCertificate = {
  /** `user` or `host`. */
  readonly type: 'user' | 'host';
  /** The uncompressed point of the signed key. */
  readonly point: Buffer;
  readonly serial: bigint;
  /** What the server writes into its log for a login. */
  readonly keyId: string;
  /** Empty would let in as anybody. */
  readonly principals: readonly string[];
  /** Null when it never ends. */
  readonly validBefore: Date | null;
};

export const sshCertificateAlgorithm = 'ecdsa-sha2-nistp256-cert-v01@openssh.com';

const forever = 0xffff_ffff_ffff_ffffn;
/** The last moment that a Date can hold, in seconds. */
const lastSecond = 8_640_000_000_000n;

/** @param line `ecdsa-sha2-nistp256-cert-v01@openssh.com AAAA… comment`. Null for anything else. */
export function readSshCertificate(line: string): SshCertificate | null {
  const [algorithm, base64] = line.trim().split(' ');
  if (algorithm !== sshCertificateAlgorithm || base64 === undefined) return null;
  const read = reader(Buffer.from(base64, 'base64'));
  const named = read.field()?.toString('latin1');
  const nonce = read.field();
  const curve = read.field()?.toString('latin1');
  const point = read.field();
  const serial = read.number(8);
  const type = read.number(4);
  const keyId = read.field();
  const principals = read.field();
  const validAfter = read.number(8);
  const validBefore = read.number(8);
  if (
    named !== sshCertificateAlgorithm ||
    nonce === null ||
    curve !== 'nistp256' ||
    point === null ||
    serial === null ||
    (type !== 1n && type !== 2n) ||
    keyId === null ||
    principals === null ||
    validAfter === null ||
    validBefore === null
  ) {
    return null;
  }
  const names = namesIn(principals);
  if (names === null) return null;
  return {
    type: type === 1n ? 'user' : 'host',
    point,
    serial,
    keyId: keyId.toString('utf8'),
    principals: names,
    validBefore:
      validBefore === forever || validBefore > lastSecond
        ? null
        : new Date(Number(validBefore) * 1000),
  };
}

/** The line of a `.pub` file for an uncompressed point. */
export function sshPublicKeyLine(point: Buffer): string {
  const fields = [Buffer.from('ecdsa-sha2-nistp256'), Buffer.from('nistp256'), point];
  const blob = Buffer.concat(
    fields.flatMap((bytes) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
  return `ecdsa-sha2-nistp256 ${blob.toString('base64')}`;
}

function namesIn(bytes: Buffer): string[] | null {
  const read = reader(bytes);
  const names: string[] = [];
  while (!read.isAtEnd()) {
    const name = read.field();
    if (name === null) return null;
    names.push(name.toString('utf8'));
  }
  return names;
}

/** Each answers null where the bytes end before the value does. */
function reader(bytes: Buffer): {
  field(): Buffer | null;
  number(size: 4 | 8): bigint | null;
  isAtEnd(): boolean;
} {
  let at = 0;
  const take = (count: number): Buffer | null => {
    if (count > bytes.length - at) return null;
    at += count;
    return bytes.subarray(at - count, at);
  };
  return {
    field() {
      const length = take(4);
      return length === null ? null : take(length.readUInt32BE());
    },
    number(size) {
      const taken = take(size);
      if (taken === null) return null;
      return size === 8 ? taken.readBigUInt64BE() : BigInt(taken.readUInt32BE());
    },
    isAtEnd: () => at === bytes.length,
  };
}
