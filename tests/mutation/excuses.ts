/**
 * Refusals that are not the last line of defence, and conditions whose opposite is the same, each with the reason. The run
 * fails for a refusal that lets nothing through and is not listed, and for one that is listed and lets something through.
 */

/** What the refusal reports as missing or malformed is what the next step reads: it stops there, as a defect of ours. */
const nothingToRead =
  'The next step has nothing to read and stops as a defect of ours, which refuses, too.';
/** The exact comparison that follows refuses under its own code. */
const comparedLater = 'An exact comparison that follows refuses it, under a code that says less.';
const nobodyCounts = 'With no key that counts, the next rule over the keys refuses.';

/** Codes whose refusals, all left out at once, let nothing through. */
export const layeredCodes: ReadonlyMap<string, string> = new Map([
  ['E_APPROVAL_CRED_UNKNOWN', nothingToRead],
  ['E_DIGEST_FORMAT', comparedLater],
  ['E_GIT_UNKNOWN', nothingToRead],
  ['E_KEY_ROLE', nobodyCounts],
  ['E_KEY_UNKNOWN', nothingToRead],
  ['E_PROVENANCE_MISSING', nothingToRead],
  ['E_REQUEST', nothingToRead],
  ['E_REQUEST_MISSING', nothingToRead],
  ['E_TESTS', nothingToRead],
  ['E_TESTS_MISSING', nothingToRead],
]);

/** Refusals that, left out alone, let nothing through. Named by file and text. */
export const layeredRefusals: ReadonlyMap<string, string> = new Map([
  [
    `verify/verify-promotion-bundle.ts: throw new AdmissionError('E_PROVENANCE_MISSING', 'the bundle has no provenance');`,
    nothingToRead,
  ],
  [
    `verify/verify-promotion-bundle.ts: throw new AdmissionError( 'E_TARGET', \`no policy for target \${JSON.stringify(input.target.`,
    nothingToRead,
  ],
  [
    `approval/verify-approvals.ts: throw new ApprovalError('E_APPROVAL_CRED_UNKNOWN', 'no passkey with this id is enrolled');`,
    nothingToRead,
  ],
  [
    `trust/signer.ts: throw new TrustError( 'E_TRUST_STORE', \`\${issue?.path.join('.') ?? ''}: \${issue?.message ?`,
    nothingToRead,
  ],
  [
    `trust/signer.ts: throw new TrustError('E_TRUST_STORE', 'notBefore is not before notAfter; correct the windo`,
    'No moment lies in such a window.',
  ],
  [
    `trust/signer.ts: throw new TrustError('E_TRUST_STORE', 'the PEM does not hold a public key', { cause });`,
    nothingToRead,
  ],
  [
    `trust/signer.ts: throw new TrustError( 'E_TRUST_STORE', 'an Ed25519 key of small order, for which anyone ca`,
    'The OpenSSL of Node 24 refuses such signatures, too; the next one may not.',
  ],
  [
    `verify/read-bundle.ts: throw new AdmissionError( 'E_BUNDLE', 'the bundle does not end in a line feed: empty or cu`,
    'A last line without its line feed loses its last sign, and nothing at all has no provenance.',
  ],
  [
    `verify/read-bundle.ts: throw new AdmissionError('E_BUNDLE', 'an empty line in the bundle');`,
    'An empty line is no JSON.',
  ],
  [
    `verify/read-bundle.ts: throw new AdmissionError('E_BUNDLE', \`more than \${maxEnvelopes} envelopes in the bundle\`);`,
    'Of three known kinds, the fourth line repeats one at the latest.',
  ],
  [
    `verify/check-evidence.ts: throw new AdmissionError('E_TESTS_MISSING', 'the target requires a test result');`,
    nothingToRead,
  ],
  [
    `verify/check-evidence.ts: throw new AdmissionError('E_TESTS', firstIssue(parsed.error));`,
    nothingToRead,
  ],
  [
    `verify/check-evidence.ts: throw new AdmissionError('E_REQUEST_MISSING', 'the bundle has no promotion request');`,
    nothingToRead,
  ],
  [
    `verify/check-evidence.ts: throw new AdmissionError('E_REQUEST', firstIssue(parsed.error));`,
    nothingToRead,
  ],
  [
    `verify/check-provenance.ts: throw new AdmissionError('E_PROVENANCE', firstIssue(parsed.error));`,
    nothingToRead,
  ],
  [
    `verify/check-provenance.ts: throw new AdmissionError('E_EXT_PARAM', \`parameter \${name} is not a text\`);`,
    nothingToRead,
  ],
  [
    `verify/check-provenance.ts: throw new AdmissionError('E_UNICODE', \`parameter \${name} is not printable ASCII\`);`,
    comparedLater,
  ],
  [
    `verify/decide-admission.ts: throw new AdmissionError('E_GIT_UNKNOWN', \`no commit \${commit} in our mirror\`);`,
    nothingToRead,
  ],
  [
    `approval/webauthn.ts: throw new ApprovalError('E_WEBAUTHN_CLIENT_DATA', 'the client data is not an object');`,
    'What is no object has no type.',
  ],
  [
    `approval/webauthn.ts: throw new ApprovalError( 'E_WEBAUTHN_AUTH_DATA', \`\${authenticatorDataLength} bytes of auth`,
    nothingToRead,
  ],
  [
    `approval/webauthn.ts: throw new ApprovalError('E_WEBAUTHN_KEY', cause.message, { cause });`,
    nothingToRead,
  ],
  [
    `approval/security-key.ts: throw new ApprovalError('E_SSH_SIGNATURE', cause.message, { cause });`,
    nothingToRead,
  ],
  [
    `approval/security-key.ts: throw new ApprovalError('E_WEBAUTHN_KEY', cause.message, { cause });`,
    nothingToRead,
  ],
  [
    `time.ts: throw new TimeError( 'E_TIME_FORMAT', 'a time such as 2026-11-22T10:00:00Z expected (UTC, `,
    'Compared with what the calendar writes, a moment of another form differs.',
  ],
  [
    `intoto/statement.ts: throw new StatementError('E_STATEMENT', 'predicateType is not a string');`,
    nothingToRead,
  ],
  [
    `intoto/statement.ts: throw new StatementError( 'E_SUBJECT', 'the name of the subject is not a string with chara`,
    nothingToRead,
  ],
  [
    `intoto/statement.ts: throw new StatementError('E_UNICODE', 'the name of the subject is not printable ASCII');`,
    comparedLater,
  ],
  [
    `intoto/statement.ts: throw new StatementError('E_DIGEST_FORMAT', '64 lower-case hexadecimal digits expected');`,
    comparedLater,
  ],
  [
    `dsse/envelope.ts: throw new DsseError('E_ENVELOPE', 'signatures is not a list');`,
    nothingToRead,
  ],
  [
    `dsse/envelope.ts: throw new DsseError('E_ENVELOPE', \`\${name} is not a string of at least one character\`);`,
    nothingToRead,
  ],
  ['dsse/envelope.ts: throw tooLarge();', 'The length after decoding is compared again.'],
  [
    `dsse/verify.ts: throw new DsseError('E_KEY_UNKNOWN', 'no signature is by a key that is pinned here');`,
    nothingToRead,
  ],
  [
    `verify/check-signers.ts: throw new AdmissionError('E_KEY_ROLE', \`no key that signed has the role \${role}\`);`,
    nobodyCounts,
  ],
  [
    `verify/check-signers.ts: throw new AdmissionError( 'E_BUILDER_ID', \`no key that signed may speak for \${String(build`,
    nobodyCounts,
  ],
  [
    `encoding/utf8.ts: throw new EncodingError('E_ENCODING', 'UTF-8 without a byte order mark expected');`,
    'A byte order mark is no JSON.',
  ],
  [
    `encoding/strict-json.ts: fail('the end of the string, or no control character in it,')`,
    'The sign is then read as an escape, and it is none.',
  ],
]);

/** Conditions that no trial can tell from their mutant. */
export const equivalentConditions: ReadonlyMap<string, string> = new Map([
  [
    'verify/check-provenance.ts: issue === undefined → !==',
    'Changes the text for people, not the code.',
  ],
  [
    'verify/check-provenance.ts: externalParameterNames.every((name) => Object.hasOwn(parameters, name)) → some',
    'A parameter that is missing is no text, which has the same code.',
  ],
  [
    `trust/signer.ts: publicKey.asymmetricKeyType === 'ec' && publicKey.asymmetricKeyDetails?.namedCurve === 'pr → ||`,
    'A key on another curve has no P-256 point, and is refused for that.',
  ],
  [
    `trust/ssh-signature.ts: curve?.toString('latin1') !== 'nistp256' || point?.length !== 65 → &&`,
    'The fingerprint covers curve and point, and is compared with that of the enrolled key.',
  ],
  [
    `trust/ssh-signature.ts: curve?.toString('latin1') !== 'nistp256' || point?.length !== 65 || point[0] !== 4 → &&`,
    'The fingerprint covers curve and point, and is compared with that of the enrolled key.',
  ],
  [
    'trust/ssh-signature.ts: bytes.length < 10 → <=',
    'Of ten bytes the five fields are missing, which has the same code.',
  ],
  ...[
    'keyBlob === undefined || namespace === undefined',
    'keyBlob === undefined || namespace === undefined || reserved === undefined',
    'keyBlob === undefined || namespace === undefined || reserved === undefined || hash === und',
  ].map((condition): [string, string] => [
    `trust/ssh-signature.ts: ${condition} → &&`,
    'Fields come in order: where one is missing, the last one is, and that is asked.',
  ]),
]);
