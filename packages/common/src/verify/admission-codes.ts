/**
 * Every reason for which a bundle is not admitted. Codes are contract: pages, logs, the ledger and the conformance
 * vectors compare them. `meaning` says what was found, `mend` what a person does about it.
 */
import type { EncodingCode } from '../encoding/encoding-error.ts';
import type { DsseCode } from '../dsse/dsse-error.ts';
import { AirlockError } from '../errors.ts';
import type { StatementCode } from '../intoto/statement.ts';
import type { TimeError } from '../time.ts';

/** Faults that the chain itself finds, beside those of encoding, envelope and statement. */
export type ChainCode =
  | 'E_BUNDLE_SIZE'
  | 'E_BUNDLE'
  | 'E_PREDICATE_TYPE'
  | 'E_PREDICATE_DUP'
  | 'E_PROVENANCE_MISSING'
  | 'E_PROVENANCE'
  | 'E_BUILD_TYPE'
  | 'E_BUILDER_ID'
  | 'E_KEY_ROLE'
  | 'E_THRESHOLD'
  | 'E_EXT_PARAM'
  | 'E_REPO'
  | 'E_REF'
  | 'E_PIPELINE_PATH'
  | 'E_RELEASE_PATH'
  | 'E_SUBJECT_NAME'
  | 'E_SOURCE_DEP'
  | 'E_COMMIT_FORMAT'
  | 'E_PIPELINE_DIGEST'
  | 'E_PLAN_MISSING'
  | 'E_PLAN_DIGEST'
  | 'E_RUNNER_IMAGE'
  | 'E_TIME_ORDER'
  | 'E_TIME_FUTURE'
  | 'E_STALE'
  | 'E_ARTIFACT_DIGEST'
  | 'E_TESTS_MISSING'
  | 'E_TESTS'
  | 'E_TESTS_FAILED'
  | 'E_SUBJECT_SPLIT'
  | 'E_REQUEST_MISSING'
  | 'E_REQUEST'
  | 'E_TARGET'
  | 'E_PROVENANCE_DIGEST'
  | 'E_GIT_UNKNOWN'
  | 'E_GIT_NOT_ON_MAIN'
  | 'E_GIT_NOT_FIRST_PARENT'
  | 'E_GIT_UNSIGNED'
  | 'E_REPLAY'
  | 'E_EQUIVOCATION'
  | 'E_ROLLBACK'
  | 'E_UNICODE';

/** Hexadecimal stands in bundles only inside digests, which have a code of their own. */
export type AdmissionCode =
  Exclude<EncodingCode, 'E_HEX'> | DsseCode | StatementCode | ChainCode | TimeError['code'];

export class AdmissionError extends AirlockError<ChainCode> {}

type Explanation = { readonly meaning: string; readonly mend: string };

const rebuild = 'Build the release again with the current nonprod and request the promotion again.';
const report =
  'A working nonprod does not produce this: keep the bundle and report it to the security team.';
const wrongSource = 'Release a build of the main branch of the repository that the target admits.';

export const admissionCodes: Readonly<Record<AdmissionCode, Explanation>> = {
  E_BUNDLE_SIZE: { meaning: 'The bundle is larger than 256 KiB.', mend: report },
  E_BUNDLE: {
    meaning: 'The bundle is not 1 to 16 lines that each end in a line feed.',
    mend: 'Fetch the bundle again; if it stays so, keep it and report it to the security team.',
  },
  E_ENCODING: { meaning: 'Bytes that are not plain UTF-8 stand in the bundle.', mend: report },
  E_BASE64: { meaning: 'A field is not strict standard base64.', mend: report },
  E_JSON: { meaning: 'An envelope or a statement is not JSON.', mend: report },
  E_JSON_DEPTH: { meaning: 'JSON is nested more deeply than any of our documents.', mend: report },
  E_JSON_DUP: { meaning: 'A JSON object has the same key twice.', mend: report },
  E_JSON_KEY: { meaning: 'A JSON object has the key __proto__.', mend: report },
  E_JSON_NUMBER: { meaning: 'A JSON number is not a safe integer.', mend: report },
  E_UNICODE: {
    meaning: 'A text holds something else than printable ASCII, or half of a surrogate pair.',
    mend: 'Use printable ASCII in names, paths, the release and the reason, then request again.',
  },
  E_NOT_CANONICAL: { meaning: 'A signed statement is not canonical JSON.', mend: report },
  E_ENVELOPE: { meaning: 'A line is not a DSSE envelope of exactly three fields.', mend: report },
  E_SIG_COUNT: { meaning: 'An envelope has no signature or more than eight.', mend: report },
  E_PAYLOAD_SIZE: { meaning: 'A statement is larger than 128 KiB.', mend: report },
  E_PAYLOAD_TYPE: { meaning: 'An envelope does not hold an in-toto statement.', mend: report },
  E_SIG_INVALID: {
    meaning: 'A signature by a pinned key does not verify.',
    mend: report,
  },
  E_SIG_DUP: { meaning: 'One key signed the same envelope twice.', mend: report },
  E_KEY_UNKNOWN: {
    meaning: 'No signature is by a key that this gate pins.',
    mend: 'If the signer has a new key, add its trust row here after checking the key id by another way.',
  },
  E_KEY_REVOKED: {
    meaning: 'The key that signed is revoked.',
    mend: 'Build and request again with the current key.',
  },
  E_KEY_NOT_YET_VALID: {
    meaning: 'The key that signed is staged for later.',
    mend: 'Sign with the current key, or wait for notBefore of the new one.',
  },
  E_KEY_EXPIRED: {
    meaning: 'The key that signed had expired when the bundle came.',
    mend: 'Build and request again with the current key.',
  },
  E_TRUST_STORE: {
    meaning: 'The trust row of the key that signed is not whole.',
    mend: 'Correct the row in the trust file of this gate: its keyid must be the hash of its key.',
  },
  E_STATEMENT: { meaning: 'A statement has missing or unknown fields.', mend: report },
  E_STATEMENT_TYPE: { meaning: 'A statement is not an in-toto Statement v1.', mend: report },
  E_SUBJECT_COUNT: { meaning: 'A statement does not have exactly one subject.', mend: rebuild },
  E_SUBJECT: { meaning: 'A subject has missing or unknown fields.', mend: report },
  E_DIGEST_ALG: { meaning: 'A subject is not named by SHA-256 alone.', mend: rebuild },
  E_DIGEST_FORMAT: { meaning: 'A digest is not 64 lower-case hexadecimal digits.', mend: rebuild },
  E_PREDICATE_TYPE: { meaning: 'A statement of a kind that the gate does not know.', mend: report },
  E_PREDICATE_DUP: { meaning: 'Two statements of the same kind in one bundle.', mend: report },
  E_PROVENANCE_MISSING: { meaning: 'The bundle has no provenance.', mend: rebuild },
  E_PROVENANCE: { meaning: 'The provenance has missing or unknown fields.', mend: rebuild },
  E_BUILD_TYPE: { meaning: 'The provenance is of another kind of build.', mend: rebuild },
  E_BUILDER_ID: {
    meaning: 'The builder is not the one that the target accepts, or its key may not speak for it.',
    mend: 'Release a build of the main builder; builds of pull requests are never delivered.',
  },
  E_KEY_ROLE: {
    meaning: 'The key that signed may not sign this kind of statement.',
    mend: 'Correct the roles in the trust file if the key is meant for it; otherwise report it.',
  },
  E_THRESHOLD: {
    meaning: 'Fewer distinct builder keys signed than the target asks for.',
    mend: 'Have the other signers countersign the build, then request again.',
  },
  E_EXT_PARAM: { meaning: 'A build parameter is missing, unknown or not a text.', mend: rebuild },
  E_REPO: { meaning: 'Built from another repository.', mend: wrongSource },
  E_REF: { meaning: 'Built from another ref.', mend: wrongSource },
  E_PIPELINE_PATH: {
    meaning: 'Built by another pipeline file.',
    mend: 'Release a build of the pipeline that the target file names.',
  },
  E_RELEASE_PATH: {
    meaning: 'Released by another release file.',
    mend: 'Release with the release file that the target file names.',
  },
  E_SUBJECT_NAME: {
    meaning: 'The artifact has another name than the target expects.',
    mend: 'Release the artifact that the target file names as subject.',
  },
  E_SOURCE_DEP: {
    meaning: 'The provenance does not name exactly the source repository and ref it claims.',
    mend: rebuild,
  },
  E_COMMIT_FORMAT: {
    meaning: 'The commit is not 40 lower-case hexadecimal digits.',
    mend: rebuild,
  },
  E_PIPELINE_DIGEST: {
    meaning: 'The pipeline file that ran is not stated, or is not the one at the commit.',
    mend: 'Build again from the commit as it stands; if it happens again, report it.',
  },
  E_PLAN_MISSING: {
    meaning: 'The provenance does not say which plan ran.',
    mend: 'Build again with the current nonprod, whose signer states the plan, and request again.',
  },
  E_PLAN_DIGEST: {
    meaning:
      'What ran is not what the pipeline and release file at the commit say, or the gate cannot follow those files.',
    mend: 'Compare with `airlock compile` at that commit. If the files are sound, nonprod ran something else: report it to the security team.',
  },
  E_RUNNER_IMAGE: {
    meaning: 'The software of the runner that built is not among those that the target allows.',
    mend: 'If the runner was updated on purpose, list its image digest under builders.images of the target file; otherwise report it.',
  },
  E_TIME_FORMAT: { meaning: 'A time is not RFC 3339 in UTC.', mend: rebuild },
  E_TIME_ORDER: { meaning: 'The build finished before it started.', mend: rebuild },
  E_TIME_FUTURE: {
    meaning: 'A time lies in the future.',
    mend: 'Set the clocks of nonprod and of the gate by NTP, then request again.',
  },
  E_STALE: {
    meaning: 'The build is older than the target allows.',
    mend: 'Build the commit again and release that build.',
  },
  E_ARTIFACT_DIGEST: {
    meaning: 'The artifact is not the one that was built.',
    mend: 'Fetch it again; if the digest stays wrong, report it.',
  },
  E_TESTS_MISSING: {
    meaning: 'The target requires a test result and the bundle has none.',
    mend: 'Release a run whose tests were part of the pipeline.',
  },
  E_TESTS: { meaning: 'The test result has missing or unknown fields.', mend: rebuild },
  E_TESTS_FAILED: { meaning: 'The tests did not pass.', mend: 'Mend the tests and build again.' },
  E_SUBJECT_SPLIT: { meaning: 'The statements are about different artifacts.', mend: report },
  E_REQUEST_MISSING: {
    meaning: 'Nobody asked for this promotion: the bundle has no request.',
    mend: 'Request the promotion in nonprod.',
  },
  E_REQUEST: { meaning: 'The promotion request has missing or unknown fields.', mend: report },
  E_TARGET: {
    meaning: 'The request names another target, or one that this gate does not have.',
    mend: 'Request the promotion for a target of this gate.',
  },
  E_PROVENANCE_DIGEST: { meaning: 'The request was made for another build.', mend: report },
  E_GIT_UNKNOWN: {
    meaning: "The gate's own mirror does not have the commit.",
    mend: 'Wait for the next fetch of the mirror and retry; if it stays unknown, report it.',
  },
  E_GIT_NOT_ON_MAIN: {
    meaning: 'The commit is not on main.',
    mend: 'Merge it to main and build again.',
  },
  E_GIT_NOT_FIRST_PARENT: {
    meaning: 'The commit came to main inside a merge and is not one that main itself pointed to.',
    mend: 'Release the merge commit instead.',
  },
  E_GIT_UNSIGNED: {
    meaning: 'The commit is not signed by an allowed key.',
    mend: 'Merge with a signed commit and build again.',
  },
  E_REPLAY: {
    meaning: 'This provenance was admitted for this target before.',
    mend: 'Use the promotion that exists, or build again.',
  },
  E_EQUIVOCATION: {
    meaning: 'The same run was seen before with another artifact.',
    mend: report,
  },
  E_ROLLBACK: {
    meaning: 'The commit is older than what was last delivered to the target.',
    mend: 'Revert on main and release that; going back is a new commit.',
  },
};

export function isAdmissionCode(code: unknown): code is AdmissionCode {
  return typeof code === 'string' && Object.hasOwn(admissionCodes, code);
}
