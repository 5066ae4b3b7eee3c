/** Refusals of intake beside those of the kernel: what went wrong around a bundle, before or after its own checks. */
import { admissionCodes, isAdmissionCode } from '@airlock/common/verify/admission-codes';

const explanations = {
  E_OUTBOX_FORK: {
    meaning: 'The outbox of nonprod does not continue where this gate stopped.',
    mend: 'Find out who rewrote it before anything is taken from it again; the gate takes nothing meanwhile.',
  },
  E_BLOB_MISSING: {
    meaning: 'Nonprod does not have the bytes that its outbox names.',
    mend: 'Request the promotion again; if it happens again, look at the artifact store of nonprod.',
  },
  E_BUNDLE_DIGEST: {
    meaning: 'The bytes of the bundle are not those that the outbox names.',
    mend: 'Request the promotion again; if it happens again, keep the outbox item and report it.',
  },
  E_ARTIFACT_SIZE: {
    meaning: 'The artifact is larger than this gate takes.',
    mend: 'Make the artifact smaller, or raise maxArtifactBytes in the configuration of intake.',
  },
  E_GIT_REWOUND: {
    meaning: 'main was rewritten: it no longer contains what this gate saw before.',
    mend: 'Find out who rewrote main; platform lifts the freeze of the repository after that.',
  },
  E_REPOSITORY_FROZEN: {
    meaning: 'The repository is frozen at this gate.',
    mend: 'Wait until platform has lifted the freeze, then request the promotion again.',
  },
  E_NO_MIRROR: {
    meaning: 'This gate keeps no mirror of the repository that the target file names.',
    mend: 'Add the repository to mirrors in the configuration of intake.',
  },
  E_DELTA_TOO_LARGE: {
    meaning:
      'So many commits lie between what is live and this release that nobody can say who wrote them.',
    mend: 'Release in smaller steps.',
  },
} as const;

/** What a code of an intake item means and what a person does about it, in words. */
export function explainIntakeCode(code: string): { meaning: string; mend: string } {
  if (isAdmissionCode(code)) return admissionCodes[code];
  const own: Readonly<Record<string, { meaning: string; mend: string }>> = explanations;
  return Object.hasOwn(own, code) && own[code] !== undefined
    ? own[code]
    : { meaning: `Refused with ${code}.`, mend: 'Look at the log of intake.' };
}
