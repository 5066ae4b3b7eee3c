/** The gate's signed configuration and the files that it lists. */
import type { HookKind } from '@airlock/common/hook/kind';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import type { TrustStore } from '@airlock/common/trust/signer';
import type { Transaction } from './ports.ts';

/** A signed configuration, by its manifest. */
export type SignedConfiguration = {
  /** Grows with every change. */
  readonly serial: number;
  /** SHA-256 of the manifest; the subject of `configuration.changed`. */
  readonly digest: string;
  readonly previous: string | null;
  /** Key ids of the administrators who signed. */
  readonly signers: readonly string[];
  /** The DSSE envelope, verbatim. */
  readonly envelope: Buffer;
};

export type ConfigurationStore = {
  /** The one of the highest serial that intake has seen. A row is no evidence; the ledger is. */
  newest(): Promise<Pick<SignedConfiguration, 'serial' | 'digest'> | null>;
  /** The signed envelope of a configuration that intake has seen. */
  envelopeOf(digest: string): Promise<Buffer | null>;
  /** False when this configuration stands there already. @throws StoreError `row-changed` for another one of that serial. */
  insert(tx: Transaction, configuration: SignedConfiguration, seenAt: Date): Promise<boolean>;
};

/** The gate's files as they are now; every digest is the SHA-256 of the file's bytes. */
export type GateFiles = {
  readonly targets: ReadonlyMap<string, { readonly policy: TargetPolicy; readonly digest: string }>;
  readonly roster: { readonly roster: Roster; readonly digest: string };
  readonly trust: TrustStore;
  /** The list of these files that administrators signed. */
  readonly manifest: SignedConfiguration;
  /** The bytes of all of these files, by their SHA-256. */
  readonly bytes: ReadonlyMap<string, Buffer>;
  /** SHA-256 of trust.json. */
  readonly trustDigest: string;
  /** Digest of a registered hook's directory; null when it is not there. */
  hookDigest(name: string): Promise<string | null>;
  /** What the registered hook `name@sha256:…` says of being run again; null where those very files are not there. */
  hookKind(hook: string): Promise<HookKind | null>;
};
