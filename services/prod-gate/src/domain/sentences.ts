/**
 * The one sentence that a page, the CLI and a problem document show for a reason. Each says who, when or how to mend; a
 * promotion that waits for somebody is never called stopped by a rule.
 */
import { moment } from './moment.ts';
import type { Promotion } from './promotion.ts';
import { lapsedStart } from './start-words.ts';
import type { StopKind } from './stop.ts';
import type { DenialReason, Verdict } from './verdict.ts';

/** Who or what has to move: a person decides, time passes, somebody mends something, or the system itself is at fault. */
export type VerdictKind = 'person' | 'time' | 'fix' | 'system';

export type Sentence = { readonly kind: VerdictKind; readonly text: string };

/** What is mended first is said first: as long as something is broken, an approval alone moves nothing. */
const order: readonly VerdictKind[] = ['system', 'fix', 'time', 'person'];

export function sentenceOf(reason: DenialReason): Sentence {
  switch (reason.code) {
    case 'E_NOT_WAITING':
      return {
        kind: 'fix',
        text: `This promotion is ${reason.state} and no longer waits; ask for the release again in nonprod to deliver it.`,
      };
    case 'E_PROMOTION_EXPIRED':
      return {
        kind: 'fix',
        text: `It waited until ${moment(reason.expiredAt)} and has expired; ask for the release again in nonprod.`,
      };
    case 'E_APPROVALS_MISSING':
      return approvalsMissing(reason);
    case 'E_REJECTED':
      return {
        kind: 'fix',
        text: `${reason.person} rejected it; talk to ${reason.person}, then ask for the release again in nonprod.`,
      };
    case 'E_TARGET_UNKNOWN':
      return {
        kind: 'fix',
        text: `The gate has no file for the target ${reason.target}; somebody of platform puts targets/${reason.target}.yaml back.`,
      };
    case 'E_POLICY_CHANGED':
      return {
        kind: 'time',
        text: `The target file of ${reason.target} changed; within seconds the gate renews the promotion, and release managers approve it again.`,
      };
    case 'E_ROSTER_CHANGED':
      return {
        kind: 'time',
        text: 'The roster changed; within seconds the gate renews the promotion, and release managers approve it again.',
      };
    case 'E_EDITORS_CHANGED':
      return {
        kind: 'time',
        text: 'Somebody else has signed the configuration since; within seconds the gate renews the promotion, and release managers approve it again.',
      };
    case 'E_BASE_CHANGED':
      return {
        kind: 'time',
        text: `What is live changed from ${reason.was ?? 'nothing'} to ${reason.now ?? 'nothing'}; within seconds the gate renews the promotion, and release managers approve it again.`,
      };
    case 'E_DOCUMENT_DIFFERS':
      return {
        kind: 'system',
        text: `What was approved differs from what the gate verifies now (${reason.fields.join(', ')}); somebody of platform compares the promotion's row with its bundle before anything is delivered.`,
      };
    case 'E_HOOK_DIGEST':
      return {
        kind: 'fix',
        text: `The files of the deploy hook are not those that the target file pins (${reason.hook}); somebody of platform restores them, or pins the new digest and approvals start again.`,
      };
    case 'E_HOOK_MISSING':
      return {
        kind: 'fix',
        text: `The deploy hook ${reason.hook} is not on the gate; somebody of platform installs it in the hooks directory.`,
      };
    case 'E_ARTIFACT_MISSING':
      return {
        kind: 'system',
        text: `The artifact ${reason.digest} is missing from the gate's store; somebody of platform restores the store, or the release is asked for again in nonprod.`,
      };
    case 'E_REPOSITORY_FROZEN':
      return {
        kind: 'fix',
        text: `The repository ${reason.repository} is frozen since ${moment(reason.since)} (${reason.reason}); somebody of platform finds out who rewrote main, and the administrators write the main that counts into acceptedMains of roster.yaml.`,
      };
    case 'E_WINDOW_CLOSED':
      return windowClosed(reason);
    case 'E_COOLING':
      return {
        kind: 'time',
        text:
          reason.startsAt === null
            ? `What is delivered to ${reason.target} is announced some time before it starts; the deliverer does that by itself once nothing else is missing.`
            : `It is announced and starts by itself at ${moment(reason.startsAt)}; until then approvals can be withdrawn, and anybody who may stop deliveries can stop it.`,
      };
    case 'E_START_AWAITED':
      return reason.may.length === 0
        ? {
            kind: 'fix',
            text: `Somebody starts each delivery to ${reason.target}, and nobody has a role of its rules; somebody of platform gives one to people in roster.yaml.`,
          }
        : {
            kind: 'person',
            text: `${lapsedStart(reason.lapsed)}Once nothing else is missing, ${list(reason.may)} can give the word to start it, on its page or with airlock deliver ${reason.promotion}.`,
          };
    case 'E_OLDER_FIRST':
      return {
        kind: 'time',
        text: `${reason.older} comes first on ${reason.target}; this one goes on by itself once that has been delivered or rejected or has expired, and what is live then is part of what is approved.`,
      };
    case 'E_TARGET_BUSY':
      return {
        kind: 'time',
        text: `Delivery ${reason.deliveryId} has been running on this target since ${moment(reason.since)}; this one goes on by itself when it ends.`,
      };
    case 'E_CREDENTIAL_PENDING':
      return {
        kind: 'time',
        text: `The credential of an earlier delivery (${reason.sessionId}, ${reason.state} since ${moment(reason.since)}) is not proven gone; the watchdog keeps revoking it, and this goes on by itself when it is proven gone; the page of leases says what Vault and the target answer.`,
      };
    case 'E_CREDENTIAL_OUTLIVES':
      if (reason.until === null) {
        return {
          kind: 'system',
          text: `Delivery ${reason.deliveryId} was interrupted, and the ledger has no time at which a credential of it that cannot be revoked ends; somebody of platform ends it at its issuer, and the release is asked for again in nonprod.`,
        };
      }
      return {
        kind: 'time',
        text: `Delivery ${reason.deliveryId} was interrupted, and a credential of it that cannot be revoked lives until ${moment(reason.until)}; it is made once more by itself after that.`,
      };
    case 'E_ROLLBACK_UNAPPROVED':
      return {
        kind: 'fix',
        text: `${reason.release} is older than ${reason.live}, which is live; ask for a newer release in nonprod, or for a return to it on the target's page.`,
      };
    case 'E_RETURN_UNPROVEN':
      return {
        kind: 'fix',
        text: `This is no return that can be made: ${reason.detail}. Reject it, and ask for the return again on the target's page.`,
      };
    case 'E_LIVE_DIFFERS':
      return reason.isNewer
        ? {
            kind: 'time',
            text: `${reason.row ?? 'Nothing'} has just become live and its entry is on its way into the ledger; if this stays for minutes, somebody of platform looks at the watchdog and at who wrote to the database.`,
          }
        : {
            kind: 'system',
            text: `The database calls ${reason.row ?? 'nothing'} live and the ledger ${reason.ledger ?? 'nothing'}; somebody of platform finds out who changed the database before anything is delivered.`,
          };
    case 'E_AUTHOR_UNMAPPED':
      return {
        kind: 'fix',
        text: `Commits by ${reason.email} are in it and nobody in the roster has that address; somebody of platform adds it to that person's gitEmails in roster.yaml, so that authors cannot approve their own work.`,
      };
    case 'E_EDITOR_UNMAPPED':
      return {
        kind: 'fix',
        text: `Key ${reason.keyid} signed the configuration since the last delivery and is nobody’s in the roster; somebody of platform adds it to that person's configurationKeys in roster.yaml, so that policy editors cannot approve what they made possible.`,
      };
    case 'E_BUNDLE_REFUSED':
      return {
        kind: 'fix',
        text: `The signed bundle does not pass now (${reason.admissionCode}: ${reason.detail}); build the release again on main and ask for it.`,
      };
    case 'E_REBUILD_DIFFERS':
      return { kind: 'fix', text: rebuildDiffers(reason) };
    case 'E_REBUILD_MISSING':
      return rebuildMissing(reason);
    case 'E_LEDGER_UNAVAILABLE':
      return {
        kind: 'system',
        text: `The ledger cannot prove this promotion (${reason.detail}); somebody of platform looks at the watchdog, and it goes on by itself when checkpoints are signed again.`,
      };
    case 'E_CONFIGURATION_ROLLBACK':
      return {
        kind: 'system',
        text: `The gate’s configuration number ${reason.serial} may not come into force: ${reason.detail}. Somebody of platform finds out who put it there.`,
      };
    case 'E_CONFIGURATION_UNRECORDED':
      return {
        kind: 'time',
        text: `The gate’s configuration number ${reason.serial} is not in the ledger yet; within seconds it is, and this goes on by itself. If it does not, somebody of platform looks at intake and the watchdog.`,
      };
    case 'E_STOPPED':
      return stopped(reason);
    case 'E_EMERGENCY_STOP':
      return {
        kind: 'system',
        text: `Since ${moment(reason.since)} the emergency stop is set on the gate’s host; nothing is taken in or delivered until somebody of platform removes the file emergency-stop there, beside administrators.json, and two people lift the stop that it left.`,
      };
    case 'E_LEDGER_INCONSISTENT':
      return {
        kind: 'system',
        text: `Since ${moment(reason.since)} a witness contradicts the ledger (${reason.detail}); nothing is delivered until platform and security have compared the checkpoints that people kept and lifted the freeze.`,
      };
  }
}

const stoppedBy: Readonly<Record<StopKind, string>> = {
  freeze: 'froze deliveries',
  'stop-all': 'stopped all deliveries',
  'revoke-leases': 'had all credentials revoked',
  quarantine: 'put what it rests on into quarantine',
  'distrust-signer': 'withdrew trust from a key that signed it',
  'cut-pair': 'cut the gate from non-prod',
};

function stopped(reason: Extract<DenialReason, { code: 'E_STOPPED' }>): Sentence {
  const { kind, person, matter, since, until } = reason;
  const why = reason.reason === null ? 'the ledger has it, its row is gone' : `“${reason.reason}”`;
  const what = `${person} ${stoppedBy[kind]}${matter === null ? '' : ` (${matter})`} at ${moment(since)}: ${why}`;
  return until === null
    ? {
        kind: 'person',
        text: `${what}. It goes on by itself once two people start again on /controls.`,
      }
    : {
        kind: 'time',
        text: `${what}. This goes on by itself at ${moment(until)}, or when two people start again on /controls.`,
      };
}

function windowClosed({
  target,
  denied,
  opensAt,
}: Extract<DenialReason, { code: 'E_WINDOW_CLOSED' }>): Sentence {
  const closed = `Nothing is delivered to ${target} now${denied === null ? '' : ` (${denied})`}`;
  return opensAt === null
    ? {
        kind: 'fix',
        text: `${closed}, and its windows do not open for a year; somebody of platform corrects windows in targets/${target}.yaml.`,
      }
    : { kind: 'time', text: `${closed}; this goes on by itself from ${moment(opensAt)} on.` };
}

function rebuildDiffers(reason: Extract<DenialReason, { code: 'E_REBUILD_DIFFERS' }>): string {
  const { builders, files, fileCount } = reason;
  const first = files.slice(0, 3).join(', ');
  const rest = fileCount - Math.min(files.length, 3);
  const where = files.length === 0 ? '' : ` (${first}${rest > 0 ? ` and ${rest} more` : ''})`;
  return `The same commit gave other bytes at ${list(builders, 'and')}${where}; it is held, and no approval starts it: somebody of platform finds out whether the build is not reproducible or a builder was tampered with, then the release is asked for again in nonprod.`;
}

function rebuildMissing(reason: Extract<DenialReason, { code: 'E_REBUILD_MISSING' }>): Sentence {
  const { have, need, listed, silent, discounted } = reason;
  if (need > listed + 1) {
    return {
      kind: 'fix',
      text: `${need} builders must have made the same bytes and the target file lists ${listed} beside the main one; somebody of platform adds rebuilders to builders.of, or the release file asks for fewer.`,
    };
  }
  const vouch = `${have} of ${need} builders vouch for the bytes`;
  if (silent.length > 0) {
    return {
      kind: 'time',
      text: `${vouch}; ${list(silent, 'and')} builds the commit again, and it goes on by itself when that gave the same bytes. If that takes long, somebody of platform reads that rebuilder's log.`,
    };
  }
  const faults = discounted.map(
    ({ builderId, code, detail }) => `${builderId ?? 'an answer'}: ${code}, ${detail}`,
  );
  return discounted.every(({ code }) => code === 'E_REBUILD_UNRECORDED')
    ? { kind: 'time', text: `${vouch}; the other answer is on its way into the signed ledger.` }
    : {
        kind: 'system',
        text: `${vouch}, and what the others said does not count (${faults.join('; ')}); somebody of platform mends the trust rows or that rebuilder.`,
      };
}

function approvalsMissing(
  reason: Extract<DenialReason, { code: 'E_APPROVALS_MISSING' }>,
): Sentence {
  const { have, need, rules, eligible, enough } = reason;
  const there = `${have} of ${need} approvals are there`;
  const open = rules.filter(({ count, filledBy }) => filledBy.length < count);
  if (enough === null) {
    const left =
      eligible.length === 0
        ? 'nobody is left'
        : `only ${list(eligible, 'and')} ${eligible.length === 1 ? 'is' : 'are'} left`;
    const roles = list([...new Set(open.map(({ role }) => plain(role)))]);
    return {
      kind: 'fix',
      text: `${there} and ${left} to give the other ${need - have}; somebody of platform adds a ${roles} to roster.yaml who did not write this.`,
    };
  }
  const asked = open.map(({ role, count, filledBy, helpful }) => {
    const missing = count - filledBy.length;
    return `${list(helpful)} can give ${missing === 1 ? 'the missing one' : `the missing ${missing}`} as ${plain(role)}`;
  });
  // Somebody with another role helps where one who approved has both.
  const others = eligible.filter((name) => !open.some(({ helpful }) => helpful.includes(name)));
  const instead =
    others.length === 0
      ? ''
      : `; or ${list(others)}, as somebody who approved has two of the roles`;
  return { kind: 'person', text: `${there}; ${list(asked, 'and')}${instead}.` };
}

const plain = (role: string): string => role.replaceAll('-', ' ');

/** The reason to show on top: what must be mended first. */
export function headline(verdict: Extract<Verdict, { allowed: false }>): Sentence {
  return sorted(verdict)[0];
}

/** All sentences, most urgent kind first, in the verdict's order within a kind; last what comes by itself after all others. */
export function sorted(
  verdict: Extract<Verdict, { allowed: false }>,
): readonly [Sentence, ...Sentence[]] {
  const isLast = (reason: DenialReason): boolean =>
    reason.code === 'E_COOLING' && reason.startsAt === null;
  const [first, ...rest] = verdict.reasons;
  const all: [DenialReason, ...DenialReason[]] = [first, ...rest];
  all.sort(
    (a, b) =>
      Number(isLast(a)) - Number(isLast(b)) || mostUrgentFirst(sentenceOf(a), sentenceOf(b)),
  );
  const [top, ...below] = all;
  return [sentenceOf(top), ...below.map(sentenceOf)];
}

export const mostUrgentFirst = (a: Sentence, b: Sentence): number =>
  order.indexOf(a.kind) - order.indexOf(b.kind);

/** The state of a promotion in one sentence, for whoever asked for it; a waiting one also says what it waits for. */
export function stateSentence(
  promotion: Pick<Promotion, 'state' | 'stateReason' | 'release' | 'target' | 'expiresAt'>,
  verdict: Verdict | null,
): string {
  const { release, target } = promotion;
  const stateReason = promotion.stateReason?.replace(/\.$/, '') ?? null;
  const why = stateReason ?? 'the delivery page says why';
  const because = stateReason === null ? '' : `: ${stateReason}`;
  switch (promotion.state) {
    case 'waiting':
      return verdict === null || verdict.allowed
        ? `${release} was admitted for ${target} and waits for approval until ${moment(promotion.expiresAt)}.`
        : headline(verdict).text;
    case 'delivering':
      return `${release} is being delivered to ${target}; this goes on by itself.`;
    case 'live':
      return `${release} was delivered to ${target}.`;
    case 'failed':
      return `The delivery of ${release} to ${target} failed: ${why}; when that is mended, ask for it again in nonprod.`;
    case 'indeterminate':
      return `Nobody knows whether ${release} reached ${target}: ${why}; somebody of platform looks at ${target} before anything else is delivered there.`;
    case 'expired':
      return `${release} waited for ${target} until ${moment(promotion.expiresAt)} and expired; ask for it again in nonprod.`;
    case 'superseded':
      return `${release} gave way to a newer promotion for ${target}${because}; the newer one is decided on instead.`;
    case 'rejected':
      return `${release} was rejected for ${target}${because}; when that is settled, ask for it again in nonprod.`;
  }
}

function list(names: readonly string[], word = 'or'): string {
  if (names.length <= 1) return names.join('');
  return `${names.slice(0, -1).join(', ')} ${word} ${names.at(-1) ?? ''}`;
}
