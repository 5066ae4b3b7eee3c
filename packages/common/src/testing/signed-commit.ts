/** For tests only: a commit object as git writes it, signed by an SSH key that lives as long as the test. */
import { Buffer } from 'node:buffer';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { commitId } from '../trust/commit-signature.ts';

/** @returns the raw object, its id, and the key as `commitKeys` of a roster lists it. */
export function signedCommit(email: string): { commit: string; object: Buffer; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  const keyBlob = Buffer.concat([field('ssh-ed25519'), field(point)]);
  const who = `Dana <${email}> 1795345200 +0000`;
  const headers = `tree ${'4'.repeat(40)}\nauthor ${who}\ncommitter ${who}`;
  const message = '\n\nVAT per line\n';
  const digest = createHash('sha512').update(`${headers}${message}`).digest();
  const named = [field('git'), field(''), field('sha512')];
  const signature = sign(
    null,
    Buffer.concat([Buffer.from('SSHSIG'), ...named, field(digest)]),
    privateKey,
  );
  const blob = Buffer.concat([
    Buffer.from('SSHSIG\0\0\0\u0001'),
    field(keyBlob),
    ...named,
    field(Buffer.concat([field('ssh-ed25519'), field(signature)])),
  ]);
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  const armoured = ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----'].join(
    '\n ',
  );
  const object = Buffer.from(`${headers}\ngpgsig ${armoured}${message}`);
  return { commit: commitId(object), object, key: `ssh-ed25519 ${keyBlob.toString('base64')}` };
}

/** A string of SSH's wire format: its length in four bytes before it (RFC 4251, section 5). */
function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
