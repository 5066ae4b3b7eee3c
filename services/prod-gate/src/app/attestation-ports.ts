/** What issuing attestations needs beside the stores. */
import type { ImportedKey } from '@airlock/common/dsse/open-signed';

export type AttestationSigner = {
  readonly keyid: ImportedKey['keyid'];
  /** @returns a DSSE envelope of an in-toto Statement: one line without LF. */
  sign(statement: Uint8Array): Buffer;
};
