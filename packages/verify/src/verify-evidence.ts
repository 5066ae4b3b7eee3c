/**
 * Checks the evidence of one delivery offline: one line a fact, from the outside in. Read it from top to bottom; each step
 * uses only what the steps before it have proven, and the keys that the auditor brought.
 */
import { waiverOf } from '@airlock/common/promotion/waiver';
import { seatCount } from '@airlock/common/approval/fill-seats';
import { checkApprovals } from './approvals.ts';
import { checkDelivery, checkSummary } from './attestations.ts';
import { checkBuilders } from './builders.ts';
import { checkBundle } from './bundle.ts';
import { checkCredentials } from './credentials.ts';
import { checkCommit } from './commit.ts';
import { checkConfiguration } from './configuration.ts';
import { readDecided, type ReadYaml } from './decided.ts';
import { archiveOf, checkManifest } from './files.ts';
import { provenEntries, readCheckpoint } from './ledger.ts';
import type { Pinned } from './pinned.ts';
import { readTar } from './read-tar.ts';
import { checkRecords } from './records.ts';
import { createFacts, EvidenceFault, type Report } from './report.ts';
import { checkStory, readTimes } from './story.ts';

/**
 * @param given.archive what `airlock evidence` wrote.
 * @returns a report; never throws for what an archive can hold.
 */
export function verifyEvidence(given: {
  readonly archive: Buffer;
  readonly pinned: Pinned;
  readonly readYaml: ReadYaml;
}): Report {
  const { pinned, readYaml } = given;
  const facts = createFacts();
  const notChecked: string[] = [];

  const archive = facts.find('archive', () => {
    const files = readTar(given.archive);
    return { value: archiveOf(files), text: `archive of ${files.size} files` };
  });
  facts.find('manifest', () => ({ value: null, text: checkManifest(archive()) }));

  const checkpoint = facts.find('checkpoint', () => {
    const value = readCheckpoint(archive(), pinned);
    return {
      value,
      text: `checkpoint of ${value.origin} at ${value.size} entries, signed by the pinned ledger key`,
    };
  });
  const entries = facts.find('ledger', () => {
    checkpoint();
    const value = provenEntries(archive(), pinned);
    return { value, text: `${value.length} ledger entries are included under that checkpoint` };
  });

  const decided = facts.find('decided', () => {
    const value = readDecided(archive(), readYaml);
    const { release, target } = value.document;
    return {
      value,
      text: `promotion.json is ${release} to ${target}; policy, roster and changes are those that it names`,
    };
  });
  const times = facts.find('times', () => {
    const { document, digest } = decided();
    const value = readTimes(entries(), { ...document, digest });
    return {
      value,
      text: `by the ledger taken in at ${value.admittedAt.toISOString()}, one intent to deliver at ${value.intentAt.toISOString()}`,
    };
  });
  const bundle = facts.find('bundle', () => {
    const bundle = checkBundle({
      bundle: archive().file('bundle.intoto.jsonl'),
      decided: decided(),
      pinned,
      ...times(),
    });
    return {
      value: bundle,
      text: `bundle signed by ${bundle.keyIds.length} pinned builder key${bundle.keyIds.length === 1 ? '' : 's'}; ${bundle.subjectName} sha256:${bundle.artifactDigest} built from ${bundle.commit} by ${bundle.builderId}`,
    };
  });

  facts.find('commit', () => ({
    value: null,
    text: checkCommit({
      ...{ archive: archive(), decided: decided(), entries: entries() },
      intentAt: times().intentAt,
    }),
  }));

  const builders = facts.find('builders', () => {
    const value = checkBuilders({
      ...{ archive: archive(), decided: decided(), pinned, entries: entries(), bundle: bundle() },
      intentAt: times().intentAt,
    });
    return {
      value,
      text:
        value === 1
          ? 'the bytes rest on one builder; the target asks for no other'
          : `${value} builders of different administrators made the same bytes`,
    };
  });

  const approvals = facts.find('approvals', () => {
    const { rules, document } = decided();
    const value = checkApprovals({
      archive: archive(),
      decided: decided(),
      entries: entries(),
      intentAt: times().intentAt,
    });
    const people = value.map(({ person }) => person).join(', ');
    const unlisted = decided().roster.people.filter(
      ({ id, passkeys }) => passkeys === undefined && value.some(({ person }) => person === id),
    );
    if (unlisted.length > 0) {
      const names = unlisted.map(({ id }) => id).join(', ');
      notChecked.push(
        `whose passkeys those of ${names} are: the roster lists none, so that the gate's web process enrolled them by its own word`,
      );
    }
    return {
      value,
      text: `approvals ${value.length} of ${seatCount(rules)}: ${people}; none is ${document.requester}, who asked, or wrote or committed any of it`,
    };
  });

  const known = () => ({
    archive: archive(),
    pinned,
    decided: decided(),
    entries: entries(),
  });
  const summary = facts.find('summary', () => {
    const value = checkSummary({ ...known(), builders: builders() });
    return {
      value,
      text: `verification summary by the pinned attestation key: ${value.summary.verifiedLevels.join(', ')}`,
    };
  });
  const delivery = facts.find('statement', () => {
    const value = checkDelivery({ ...known(), summary: summary() });
    const { record } = value;
    return {
      value,
      text: `delivery statement by the pinned attestation key: ${record.delivery} ${record.outcome}, hook exit ${record.hook.exit ?? 'none'}`,
    };
  });
  facts.find('configuration', () => {
    const { record } = delivery();
    return {
      value: null,
      text: checkConfiguration({ ...known(), record }),
    };
  });
  facts.find('counted', () => {
    if (JSON.stringify(approvals()) !== JSON.stringify(delivery().record.approvals)) {
      throw new EvidenceFault('the delivery statement names other approvals');
    }
    return { value: null, text: 'the delivery statement names the same approvals' };
  });
  facts.find('story', () => ({
    value: null,
    text: checkStory(entries(), delivery().record, {
      bundle: decided().document.bundle,
      summary: summary().digest,
      statement: delivery().digest,
      waiver: waiverOf(decided().document),
    }),
  }));
  facts.find('credential', () => {
    const { record } = delivery();
    const text = checkCredentials(record, decided().policy);
    const { session } = record;
    if (session !== null) {
      notChecked.push(
        `that Vault really revoked; its audit log has the session ${session.id}${session.accessor === null ? '' : `, accessor SHA-256 ${session.accessor}`}`,
      );
    }
    return { value: null, text };
  });
  facts.find('records', () => ({
    value: null,
    text: checkRecords(archive(), {
      ...summary(),
      delivery: delivery().record,
    }),
  }));

  return {
    whole: facts.list.every(({ ok }) => ok),
    facts: facts.list,
    notChecked: [
      'that the people who approved were awake and understood it',
      `that the commit was on main: the gate's statement, its mirror is not in here`,
      `that the plan which ran is the one of the commit's files, and how many builders they ask for: the gate's statement, the files are not in here`,
      `the times: they are the gate's own clock`,
      `README.txt, the counters before the approvals and other names below the checkpoint: they are under no pinned signature`,
      'that the ledger holds no other intent for these approvals, nor an earlier passkey of theirs or a withdrawal, and that it is the same for everybody: airlock ledger verify',
      ...notChecked,
    ],
  };
}
