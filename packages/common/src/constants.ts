/**
 * The URIs and fixed strings of Airlock's signed documents. Every one is compared exactly; changing one makes a new
 * kind of document that older gates refuse.
 */

/** The DSSE payload type of every statement, and the first half of what a passkey signs. */
export const intotoPayloadType = 'application/vnd.in-toto+json';

/** The DSSE payload type of a gate's configuration manifest; administrators' keys sign nothing else. */
export const configurationPayloadType = 'application/vnd.airlock.configuration+json';

export const statementType = 'https://in-toto.io/Statement/v1';

export const provenancePredicate = 'https://slsa.dev/provenance/v1';
export const testResultPredicate = 'https://in-toto.io/attestation/test-result/v0.1';
export const promotionRequestPredicate = 'https://airlock.example/attestation/promotion-request/v1';
/** What a runner saw of a build, signed by its own key: the signer's source for artifact, plan, image and times. */
export const runPredicate = 'https://airlock.example/attestation/run/v1';
/** What a rebuilder found different, file by file. */
export const rebuildDifferencePredicate =
  'https://airlock.example/attestation/rebuild-difference/v1';
export const verificationSummaryPredicate = 'https://slsa.dev/verification_summary/v1';
export const deliveryPredicate = 'https://airlock.example/attestation/delivery/v1';
export const approvalPredicate = 'https://airlock.example/attestation/approval/v1';
/** That a stop of the gate be lifted; a passkey signs it as it signs an approval, and it can be read as none. */
export const liftPredicate = 'https://airlock.example/attestation/lift/v1';
/** That somebody looked at a delivery that was made by break-glass. */
export const reviewPredicate = 'https://airlock.example/attestation/break-glass-review/v1';

/** That another passkey is one's own: signed with one in force before that one is added. */
export const vouchPredicate = 'https://airlock.example/attestation/passkey-vouch/v1';

/** Namespaces of `ssh-keygen -Y sign`: what a security key signs for one purpose is nothing for any other. */
export const approvalNamespace = 'airlock-approval@v1';
export const enrolmentNamespace = 'airlock-enrolment@v1';
/** The application that ssh-keygen gives its security keys: it stands where a passkey has its relying party. */
export const securityKeyApplication = 'ssh:';

/** Name of the file of the emergency stop, beside administrators.json on the gate's host. */
export const emergencyStopName = 'emergency-stop';

/** The one buildType that the gate knows how to read: a pipeline file of the repository, run by nonprod. */
export const pipelineBuildType = 'https://airlock.example/buildtypes/pipeline/v1';
