import type { DeliveryRecord } from '@airlock/common/intoto/delivery';

/** README.txt of an archive: what is in it, and how to check it with nothing but openssl, ssh-keygen's kin and a shell. */
export function evidenceReadme(record: DeliveryRecord): string {
  const { delivery, release, target } = record;
  return `Evidence of delivery ${delivery}: ${JSON.stringify(release)} to ${target}.

Check it offline, with keys that you got by another way than this archive:

  airlock verify THIS.tar --pinned pinned.json

pinned.json holds the signers (rows of trust.json), the line of ledger.vkey, the gate's attestation keys and its
administrators. A key that only this archive brings proves nothing.

Files
  promotion.json        the canonical document whose SHA-256 the approvers signed
  changes.json          commits and files since what was live; promotion.json names its SHA-256
  bundle.intoto.jsonl   DSSE envelopes of non-prod: provenance, test result, request
  commit                the commit that was built, as git keeps it
  rebuilds.intoto.jsonl DSSE envelopes of other builders that made the same bytes; empty where one builder is enough
  artifact.json         name, SHA-256 and size of what was delivered (the artifact itself is not in here)
  approvals.json        statements and passkey signatures verbatim, and the passkeys
  checks.json           what the gate verified, in short
  policy.yaml           the target file; roster.yaml the people and their roles; both as approved
  trust.json            the signers that the gate had pinned when it delivered
  manifest.dsse.json    the list of these files that the gate's administrators signed
  vsa.dsse.json         verification summary (SLSA VSA) of the gate
  delivery.dsse.json    delivery statement of the gate, which covers delivery.json, leases.json and log.txt
  leases.json           what Vault issued, when, and how each ends: with the delivery, by itself, or by a person's hand
  ledger/               entries (base64, with index), an inclusion proof each, the signed checkpoint
  MANIFEST.sha256       SHA-256 of every file

By hand
  Files:       sha256sum -c MANIFEST.sha256
  A DSSE file: what is signed is "DSSEv1 LENGTH TYPE LENGTH PAYLOAD". With jq, and KEY.pem that you pinned:
                 jq -j .payload vsa.dsse.json | base64 -d > payload
                 jq -j .payloadType vsa.dsse.json > type
                 jq -j '.signatures[0].sig' vsa.dsse.json | base64 -d > signature
                 { printf 'DSSEv1 %d %s %d ' $(wc -c < type) "$(cat type)" $(wc -c < payload); cat payload; } > signed
                 openssl dgst -sha256 -verify KEY.pem -signature signature signed
  The commit:  (printf 'commit %d\\0' $(wc -c < commit); cat commit) | sha1sum    # the commit's id
               Without the lines of its gpgsig header it is what was signed, and those lines, each without its first blank,
               are the signature; commitKeys of roster.yaml, as "OWNER KEY", are the allowed signers:
                 ssh-keygen -Y verify -f allowed -I OWNER -n git -s signature < signed
  An approval: authenticatorData, clientDataJSON and signature are base64url. What is signed is authenticatorData followed
               by the SHA-256 of clientDataJSON, and "challenge" in clientDataJSON is the base64url of the SHA-256 of
               "DSSEv1 28 application/vnd.in-toto+json LENGTH STATEMENT":
                 openssl dgst -sha256 -verify PASSKEY.pem -signature signature signed
  The ledger:  any tool that reads C2SP tlog-proof and signed notes.
`;
}
