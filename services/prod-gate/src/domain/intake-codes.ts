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
  E_ARCHIVE_PATH: {
    meaning:
      'The artifact is an archive with a member that could be unpacked where nobody looks: a name that leads elsewhere, a link, a device, or rights of its owner (setuid).',
    mend: 'Pack regular files and directories only, each once and under a plain relative name; the detail names the member.',
  },
  E_ARCHIVE_SIZE: {
    meaning: 'The artifact unpacks to more members or bytes than this gate looks through.',
    mend: 'Find out why it is so large; pack less.',
  },
  E_ARCHIVE_FORMAT: {
    meaning:
      'The artifact is an archive that is damaged, or that two programs would unpack differently.',
    mend: 'Pack it again with GNU tar or bsdtar, without sparse files, and promote that build.',
  },
  E_OCI_MEDIATYPE: {
    meaning: 'The artifact holds a container manifest that two tools would read differently.',
    mend: 'Build the image with a current tool, and find out who made this manifest.',
  },
  E_OCI_URLS: {
    meaning: 'The artifact holds a container image with parts that are fetched from elsewhere.',
    mend: 'Build the image from a base whose layers are all distributable.',
  },
  E_OUTBOX_LIMIT: {
    meaning: 'Nonprod answered with a longer list than the protocol allows.',
    mend: 'Look at the outbox of nonprod: an honest one never does; the gate takes nothing from such a list.',
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
