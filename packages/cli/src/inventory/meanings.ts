/** What the files that configurations name mean to whoever has them. */

/** Where a file leads whoever has it, the worst first. */
export const reaches = ['production', 'towards production', 'nonprod'] as const;
export type Reach = (typeof reaches)[number];

export interface Meaning {
  /** A secret is not to be read by others; what is trusted is not to be written by others. */
  readonly kind: 'secret' | 'trusted';
  readonly reach: Reach;
  /** What whoever has the secret, or may write what is trusted, can do. */
  readonly means: string;
}

type Group = Omit<Meaning, 'means'> & {
  /** Names of the configurations without `.yaml`. */
  readonly process: RegExp;
  readonly settings: readonly (readonly [setting: RegExp, means: string])[];
};

const gate = /^gate-/;
const nonprod = /^(?!gate-)/;

const groups: readonly Group[] = [
  {
    ...{ process: gate, kind: 'trusted', reach: 'production' },
    settings: [
      [/^configuration$/, 'what its process believes and where it listens'],
      [/^files\.administratorsFile$/, 'whose signatures roster, targets and trusted keys need'],
      [/^files\.directory$/, 'roster, targets and trusted keys, which administrators sign'],
      [/^files\.hooksDirectory$/, 'what runs with credentials of production; targets pin it'],
      [/^vault\.caFile$/, 'which server is Vault, to which deliveries log in'],
    ],
  },
  {
    ...{ process: /^gate-authority$/, kind: 'secret', reach: 'production' },
    settings: [[/^keyFile$/, 'signs the logins at Vault of every delivery']],
  },
  {
    ...{ process: gate, kind: 'secret', reach: 'towards production' },
    settings: [
      [/^attestationKeyFile$/, 'signs what auditors are shown of verifications and deliveries'],
      [/^vault\.identity\./, 'ends leases and tokens of deliveries, and gets none'],
      [/^ledger\.keyFile$/, 'signs checkpoints: another history could be shown'],
      [/^database\.passwordFile$/, 'the gate’s rows, as this process may read and write them'],
      [/^saml\.keyFile$/, 'asks the identity provider in the gate’s name'],
      [/^listen\.tls\.keyFile$/, 'answers browsers as the gate'],
      [/^rebuilds\.listener\.keyFile$/, 'answers rebuilders as the gate'],
      [/^outbox\.keyFile$/, 'fetches what was promoted, as the gate'],
      [/^artifacts\.s3\.credentialsFile$/, 'artifacts and evidence, which are hashed before use'],
      [/^notify\./, 'writes to people in the gate’s name'],
    ],
  },
  {
    ...{ process: gate, kind: 'trusted', reach: 'towards production' },
    settings: [
      [/^(ledger|witness)KeyFile$/, 'by which key the ledger, or its witness, is known'],
      [/^saml\.idp\.certificateFile$/, 'who signs people in; approvals need a passkey besides'],
      [/^listen\.tls\.clientCaFile$/, 'whose browsers get as far as the sign-in'],
      [/^outbox\.caFile$/, 'which server is nonprod’s outbox'],
      [/^rebuilds\.listener\.caFile$/, 'who may say that a release was built again'],
    ],
  },
  {
    ...{ process: nonprod, kind: 'secret', reach: 'towards production' },
    settings: [
      [/^keys\.(main|promotion)/, 'signs what the gate takes in, and asks git and people about'],
      [/^attestation\.keyFile$/, 'attests what this runner built'],
      [/^builder\.keyFile$/, 'signs that a release was built again and is the same'],
      [/^witness\.keyFile$/, 'cosigns the gate’s ledger'],
      [/^listener\.keyFile$/, 'answers the gate as nonprod’s outbox'],
      [/^gate\.keyFile$/, 'sends the gate what was built again'],
    ],
  },
  {
    ...{ process: /^signer$/, kind: 'trusted', reach: 'towards production' },
    settings: [
      [/^configuration$/, 'what its process believes and signs'],
      [/^runnersFile$/, 'which runners are believed to have built'],
    ],
  },
  {
    ...{ process: nonprod, kind: 'trusted', reach: 'towards production' },
    settings: [
      [/^witness\.ledgerKeyFile$/, 'by which key the witness knows the ledger'],
      [/^listener\.caFile$/, 'who is the gate'],
    ],
  },
  {
    ...{ process: nonprod, kind: 'secret', reach: 'nonprod' },
    settings: [
      [/^secrets\.keeper\.(directory|identity\.)/, 'opens secrets of builds, with the database'],
      [/^keys\./, 'signs builds and results that no target takes'],
      [/^runnerEdge\.authority\.keyFile$/, 'makes runners of any name, in any pool'],
      [/^runnerApi\.keyFile$/, 'answers runners as nonprod'],
      [/^(webhooks|hooks|webhookKeyFile)/, 'announces pushes, which git is asked about'],
      [/identityFile$/, 'takes jobs as this runner'],
      [/(tokenFile|clientSecretFile)$/, 'speaks to a forge as Airlock'],
      [/^saml\.keyFile$/, 'asks the identity provider in nonprod’s name'],
      [/^database\.passwordFile$/, 'nonprod’s rows, as this process may read and write them'],
    ],
  },
  {
    ...{ process: nonprod, kind: 'trusted', reach: 'nonprod' },
    settings: [
      [/^configuration$/, 'what its process believes and where it listens'],
      [/^runnerApi\.caFile$/, 'which certificates are runners’'],
      [/^saml\.idp\.certificateFile$/, 'who signs people in'],
    ],
  },
  {
    ...{ process: gate, kind: 'secret', reach: 'towards production' },
    settings: [[/(key|password|token|secret|secretId|credentials)File$/i, 'a credential']],
  },
  {
    ...{ process: nonprod, kind: 'secret', reach: 'nonprod' },
    settings: [[/(key|password|token|secret|secretId|credentials)File$/i, 'a credential']],
  },
];

/** Null: what this setting names is neither a secret nor believed. `configuration` stands for the configuration itself. */
export function meaningOf(process: string, setting: string): Meaning | null {
  for (const { process: of, settings, kind, reach } of groups) {
    const found = of.test(process) && settings.find(([pattern]) => pattern.test(setting));
    if (found) return { kind, reach, means: found[1] };
  }
  return null;
}
