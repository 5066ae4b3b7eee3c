/** Signatures changed without their keys. */
import { Buffer } from 'node:buffer';

/** n, the order of P-256's group. */
export const p256Order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** L, the order of Ed25519's group. */
export const ed25519Order = 2n ** 252n + 27742317777372353535851937790883648493n;

/** DER of an ECDSA signature with these contents as its two INTEGERs, short lengths, whatever the contents say. */
export function derOf(r: Uint8Array, s: Uint8Array): Buffer {
  const integer = (content: Uint8Array) =>
    Buffer.concat([Buffer.of(0x02, content.length), content]);
  const body = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

/** The contents of a DER INTEGER for a number that is not negative. */
export function integerBytes(value: bigint): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
}

/** r and s of a DER signature as OpenSSL writes it. */
export function integersOf(der: Uint8Array): { readonly r: bigint; readonly s: bigint } {
  const bytes = Buffer.from(der);
  const rLength = bytes.readUInt8(3);
  const number = (part: Buffer) => BigInt(`0x${part.toString('hex')}`);
  return { r: number(bytes.subarray(4, 4 + rLength)), s: number(bytes.subarray(6 + rLength)) };
}

/** (r, n - s): as valid as the signature it is made from. */
export function twinOf(der: Uint8Array): Buffer {
  const { r, s } = integersOf(der);
  return derOf(integerBytes(r), integerBytes(p256Order - s));
}

/** An Ed25519 signature with S + L for S, which a verifier without the range check takes for the same. */
export function addGroupOrder(signature: Uint8Array): Buffer {
  const s = Buffer.from(signature.subarray(32)).reverse();
  const grown = BigInt(`0x${s.toString('hex')}`) + ed25519Order;
  const bytes = Buffer.from(grown.toString(16).padStart(64, '0'), 'hex').reverse();
  return Buffer.concat([signature.subarray(0, 32), bytes]);
}
