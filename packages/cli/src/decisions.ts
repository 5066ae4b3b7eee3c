/** Enrolling and approving with a software passkey, over the same JSON API that the pages use. Demo and tests only. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { createSoftwarePasskey, restoreSoftwarePasskey } from './software-passkey.ts';
import type { WebSession } from './web-session.ts';

const Ceremony = z.looseObject({ options: z.looseObject({ challenge: z.string() }) });
const EnrolmentCeremony = Ceremony.extend({ challenge: z.string() });
const ApprovalCeremony = Ceremony.extend({
  nonce: z.string(),
  statement: z.string(),
  promotionDigest: z.string(),
});

/** The gate counts a passkey at the origin where it was enrolled, and the demo moves to other ports when its own are taken. */
const suffix = (origin: string): string => `@${new URL(origin).host}.json`;

/** Makes and enrols a passkey for the session's person, once an origin; returns the 0600 file that holds it. */
export async function enrolPasskey(session: WebSession, directory: string): Promise<string> {
  const file = join(directory, `${session.person}${suffix(session.origin)}`);
  if (existsSync(file)) return file;
  mkdirSync(directory, { recursive: true });
  const { options, challenge } = EnrolmentCeremony.parse(
    await session.postJson('/api/v1/me/passkeys/options', {}),
  );
  const passkey = createSoftwarePasskey({
    rpId: new URL(session.origin).hostname,
    origin: session.origin,
  });
  const answer = passkey.register(options.challenge);
  await session.postJson('/api/v1/me/passkeys', {
    challenge,
    label: 'software passkey (demo)',
    answer,
  });
  writeFileSync(file, passkey.serialize(), { mode: 0o600 });
  return file;
}

/** Where that passkey is one of enrolPasskey's, the next decision enrols another in its place. */
export function forgetPasskey(
  { origin }: Pick<WebSession, 'origin'>,
  { directory, credentialId }: { readonly directory: string; readonly credentialId: string },
): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const file = join(directory, name);
    if (!name.endsWith(suffix(origin))) continue;
    if (restoreSoftwarePasskey(readFileSync(file, 'utf8')).credentialId === credentialId) {
      rmSync(file);
    }
  }
}

/** Begins the ceremony, signs and decides. Returns the statement that was signed and its promotion digest. */
export async function decideWithPasskey(
  session: WebSession,
  given: { readonly promotionId: string; readonly passkeyFile: string; readonly note: string },
): Promise<{ statement: string; promotionDigest: string }> {
  const path = `/api/v1/promotions/${given.promotionId}/decisions`;
  const { statement, promotionDigest } = await sign(session, path, given);
  return { statement, promotionDigest };
}

const Lifted = z.looseObject({ have: z.int(), need: z.int() });

/** Signs that a stop is lifted. Returns what was signed, and how many people have and must. */
export async function liftWithPasskey(
  session: WebSession,
  given: { readonly stopId: string; readonly passkeyFile: string },
): Promise<{ statement: string; have: number; need: number }> {
  const path = `/api/v1/stops/${given.stopId}/lift`;
  const { statement, answered } = await sign(session, path, { ...given, note: '' });
  return { statement, ...Lifted.parse(answered) };
}

async function sign(
  session: WebSession,
  path: string,
  { passkeyFile, note }: { readonly passkeyFile: string; readonly note: string },
): Promise<{ statement: string; promotionDigest: string; answered: unknown }> {
  const ceremony = ApprovalCeremony.parse(await session.postJson(`${path}/options`, {}));
  const passkey = restoreSoftwarePasskey(readFileSync(passkeyFile, 'utf8'));
  const answer = passkey.assert(ceremony.options.challenge);
  // The counter has moved whatever becomes of the decision.
  writeFileSync(passkeyFile, passkey.serialize(), { mode: 0o600 });
  const { nonce, statement, promotionDigest } = ceremony;
  return {
    ...{ statement, promotionDigest },
    answered: await session.postJson(path, { nonce, note, answer }),
  };
}
