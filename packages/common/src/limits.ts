/**
 * Every bound on what a stranger can make us hold or do, with its reason. Bytes unless the name says otherwise.
 */

/** A bundle holds three statements of a few KiB; 256 KiB leaves room and still fits in memory a thousand times. */
export const maxBundleBytes = 256 * 1024;

/** Provenance, test result and promotion request make three; rotation and further evidence make a few more. */
export const maxEnvelopes = 16;

/** Largest decoded payload of one envelope: half a bundle, so that one statement cannot crowd out the others. */
export const maxPayloadBytes = 128 * 1024;

/** Signatures an envelope may carry. Each costs a verification before anything is known about the sender. */
export const maxSignatures = 8;

/** An envelope is an object, a list and objects in it; one level to spare. */
export const maxEnvelopeDepth = 4;

/** The deepest statement in use has seven levels. Bounded so that the parser's recursion is, too. */
export const maxStatementDepth = 16;

/** Claimed texts (run id, requester, …) end in pages, logs and the ledger. */
export const maxTextLength = 1024;

/** A release's version name, as in the signer's protocol. */
export const maxReleaseLength = 128;

/** The reason that a requester gives; shown whole to every approver. */
export const maxReasonLength = 1000;

/** A browser's clientDataJSON is some 200 bytes. */
export const maxClientDataBytes = 4096;

/** Approvals judged for one promotion: a target asks for at most ten; the rest are withdrawn or repeated ones. */
export const maxApprovals = 64;

/** C2SP tlog-tiles stores an entry behind a 16-bit length, so entries carry digests and never payloads. */
export const maxLedgerEntryBytes = 65_535;

/** Hashes in a full tile (C2SP tlog-tiles: 2 to the power of 8). */
export const tileWidth = 256;

/** C2SP signed-note asks for at least 16; golang.org/x/mod stops at 100, and so do we. */
export const maxNoteSignatures = 100;

/** A note is a checkpoint of three lines and its signatures. */
export const maxNoteBytes = 64 * 1024;

/** An inclusion proof in a tree of 2^53 leaves has at most 53 hashes. */
export const maxProofHashes = 64;

/** A checkpoint with its signatures and at most 63 hashes in base64. */
export const maxWitnessRequestBytes = maxNoteBytes + 64 * 64;

/** Levels of a verification summary, and the attestations that it names: an admission has about five and four. */
export const maxSummaryItems = 64;

/** Secrets that nonprod keeps, because the gate is told a mark of each at once: a mark and its name are some 160 bytes. */
export const maxSecretMarks = 1000;
