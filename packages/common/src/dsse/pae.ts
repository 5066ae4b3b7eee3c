import { Buffer } from 'node:buffer';

/**
 * DSSE's pre-authentication encoding: the bytes that a signature covers. Both lengths are counted in bytes, so that no
 * other pair of type and payload encodes to the same.
 *
 * @see DSSE v1 protocol, "Signature Definition"
 */
export function pae(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `, 'utf8'),
    type,
    Buffer.from(` ${payload.length} `, 'utf8'),
    payload,
  ]);
}
