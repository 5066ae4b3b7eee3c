/** The login and the credentials of one delivery. Each is on record before the next step, so that what a crash leaves is known by its row. */
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { CredentialRead } from '@airlock/common/policy/target-credentials';
import type { HookRecord } from '../domain/delivery.ts';
import { pauseAfter } from '../domain/patience.ts';
import { livesTooLong } from '../domain/planned-credentials.ts';
import { DeliveryFault } from './delivery-fault.ts';
import { mine, type Saga } from './delivery-saga.ts';
import { secretsIn } from './known-to-nonprod.ts';
import type { Fenced } from './delivery-ports.ts';
import { VaultError, type Credential, type DeliveryToken } from './vault-ports.ts';

/** What a session's end has to undo. */
export type Held = {
  token: DeliveryToken | null;
  readonly credentials: Credential[];
  hook: HookRecord;
  /** A hook has run to its end, so that an error of a later one does not say that nothing ran. */
  aRunEnded: boolean;
};

/**
 * Has the login minted, takes it to Vault and reads every credential of the target file.
 *
 * @param held gets the token and each credential as soon as it exists.
 * @returns the token, and when Vault gave it by `performance.now()`.
 * @throws DeliveryFault, VaultError, AuthorityError
 */
export async function holdCredentials(
  saga: Saga,
  session: Fenced,
  held: Held,
): Promise<{ token: DeliveryToken; tokenAt: number }> {
  const { dependencies, started, book, heart } = saga;
  const { sessions, failpoint, times } = dependencies;
  const { delivery, policy } = started;
  const { vault } = policy.credentials;
  await heart.beforeStep();
  const login = await dependencies.authority.mint({
    deliveryId: delivery.id,
    sessionId: session.id,
    signal: heart.signal,
  });
  failpoint('login-minted');
  if (login.mount !== vault.jwtMount || login.role !== vault.jwtRole) {
    throw new DeliveryFault(
      'authority-differs',
      'the authority named another Vault mount or role than the approved target file; compare their target files',
    );
  }
  book.write('gate', 'the authority verified every signature and minted one login');
  await heart.beforeStep();

  const token = await whileVaultRefusesWork(saga, times.loginSeconds * 1000, () =>
    dependencies.vault.login({
      mount: login.mount,
      role: login.role,
      jwt: login.jwt,
      signal: heart.signal,
    }),
  );
  const tokenAt = performance.now();
  held.token = token;
  failpoint('logged-in');
  // The accessor is durable before the token is used, so that a crash leaves nothing that cannot be found.
  mine(await sessions.token(session, token.accessor));
  failpoint('token-persisted');

  heart.check();
  // What is revocable ends with the token at the latest, so the approved file has to bound that first of all.
  if (token.ttlSeconds > vault.ttl) {
    throw new DeliveryFault(
      'credential-too-long',
      `Vault gave a token of ${token.ttlSeconds} s, approved were ${vault.ttl} s at most; lower token_explicit_max_ttl of role ${vault.jwtRole} at ${vault.jwtMount}`,
    );
  }
  for (const read of vault.reads) {
    await heart.beforeStep();
    await readOne(saga, { session, held, token, read });
  }
  return { token, tokenAt };
}

async function readOne(
  saga: Saga,
  given: { session: Fenced; held: Held; token: DeliveryToken; read: CredentialRead },
): Promise<void> {
  const { dependencies, started, book, heart, transaction, record } = saga;
  const { sessions, deliveries, failpoint, times, clock } = dependencies;
  const { delivery, promotion, policy } = started;
  const { session, held, token, read } = given;
  const { vault } = policy.credentials;
  const credential = await whileVaultRefusesWork(saga, times.readWithinMs, () =>
    token.read(read, { signal: heart.signal }),
  );
  held.credentials.push(credential);
  failpoint('credential-read');
  const issuedAt = clock();
  const seconds = livesFor(credential, token);
  const diesAt = seconds === null ? null : new Date(issuedAt.getTime() + seconds * 1000);
  await transaction(async (tx) => {
    mine(await deliveries.setStep(tx, delivery, 'credential'));
    mine(
      await sessions.leased(tx, session, {
        name: read.as,
        leaseId: credential.leaseId,
        holder: credential.holder,
        issuedAt,
        diesAt,
      }),
    );
    await record(tx, issuedAt, 'credential.issued', {
      session: session.id,
      target: promotion.target,
      as: read.as,
      kind: read.kind,
      ending: credential.ending,
      holder: credential.holder,
      ...(credential.leaseId === null ? {} : { lease: sha256Hex(Buffer.from(credential.leaseId)) }),
      ...(diesAt === null ? {} : { diesAt: diesAt.toISOString() }),
    });
  });
  failpoint('lease-persisted');
  book.write(
    'gate',
    `credential ${read.as} (${credential.holder}) issued, ${lifeOf(credential.ending, diesAt)}`,
  );
  // Only now: what exists is on record, also when nobody may use it.
  if (credential.fault !== undefined) {
    throw new DeliveryFault('credential-unusable', credential.fault);
  }
  const tooLong = livesTooLong(read, { seconds: credential.seconds, ttl: vault.ttl });
  if (tooLong !== null) throw new DeliveryFault('credential-too-long', tooLong);
  await refuseKnown(saga, credential);
}

/** What builds of nonprod can read opens production for whoever can change a build. */
async function refuseKnown({ dependencies, book }: Saga, credential: Credential): Promise<void> {
  for (const value of secretsIn(credential.secret)) {
    const knowledge = await dependencies.knownToNonprod(value);
    if (knowledge.known === true) {
      throw new DeliveryFault(
        'E_CREDENTIAL_KNOWN_TO_NONPROD',
        `credential ${credential.as} is also nonprod's secret ${knowledge.secret}, which builds there can read; replace it at Vault and erase that secret`,
      );
    }
    if (knowledge.known === 'unchecked') {
      book.write(
        'gate',
        `credential ${credential.as} was not compared with nonprod's secrets: ${knowledge.why}; look at gate-intake and nonprod-outbox`,
      );
      return;
    }
  }
}

/**
 * Tries again while Vault says that it did nothing, such as 429. Any other failure may have had its effect and is final; what
 * a 503 had done after all is found by the sweep, as everything is.
 */
async function whileVaultRefusesWork<T>(
  { dependencies, book, heart, pause }: Saga,
  withinMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (let failures = 1; ; failures += 1) {
    heart.check();
    try {
      return await work();
    } catch (cause) {
      if (!(cause instanceof VaultError) || cause.code !== 'vault-unavailable') throw cause;
      const { retryAfterSeconds } = cause;
      const wait = pauseAfter({ failures, random: dependencies.random(), retryAfterSeconds });
      if (performance.now() + wait > end) throw cause;
      book.write('gate', `${cause.message}; asked again in ${(wait / 1000).toFixed(1)} s`);
      await pause(wait);
    }
  }
}

/** What is revocable ends with its token at the latest; anything else ends when it says, whatever becomes of a lease. */
function livesFor({ seconds, ending }: Credential, token: DeliveryToken): number | null {
  return seconds === null || ending !== 'revocable' ? seconds : Math.min(seconds, token.ttlSeconds);
}

function lifeOf(ending: Credential['ending'], diesAt: Date | null): string {
  if (diesAt === null) return 'which does not end by itself';
  return ending === 'revocable'
    ? `which dies at ${diesAt.toISOString()} at the latest`
    : `which ends by itself at ${diesAt.toISOString()}`;
}
