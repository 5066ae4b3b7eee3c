import type { CheckId } from './checks.ts';

/** What each check asks, and what it keeps out: the words on its own page. */
export const questions: Readonly<Record<CheckId, string>> = {
  approvals:
    'Have enough different people approved exactly this document, each with a key of their own, none of them near to the change? A person fills one seat of one rule. Keeps out a single person, and a captured web page that shows one thing and signs another.',
  signature:
    'Did the pinned keys of non-prod sign the provenance, and does every byte that was stored still have the digest that they signed? Keeps out whoever can write to the database or the store.',
  main: 'Has the gate’s own mirror the commit on main’s first-parent line, signed where the target asks for it, and was main never rewritten? Keeps out branches, forks and a forced push.',
  provenance:
    'Does the signed statement name the builder, the pipeline file, the commit and the plan that the target file and the gate’s own mirror name, and nothing else? Keeps out a build that was steered by a parameter.',
  artifact:
    'Are the bytes that would be delivered those that were built: does the stored artifact have the digest in the statement? Keeps out bytes that were exchanged on the way.',
  builders:
    'Did as many builders as the target file asks for, administered by different people, make the same bytes from the same commit? Keeps out whoever owns one build machine.',
  tests: 'Does a signed result for exactly this artifact say that its tests passed?',
  authors:
    'Does the roster know every author and committer, so that nobody approves their own work under another address?',
  hook: 'Are the files of the deploy hook those whose digest the reviewed target file pins? Keeps out a hook that was exchanged on the gate’s disk.',
  policy:
    'Are target file, roster and trust store those that administrators signed, recorded in the ledger, and those that approvers saw? Keeps out a rule that was changed between approval and delivery.',
  order:
    'Does it still wait, is it newer than what is live, is nothing else being delivered there, and is it a time at which the target takes deliveries? Keeps out an old release with known faults, and two deliveries at once.',
  credentials:
    'Is every credential of an earlier delivery proven gone? Keeps out a login that outlives its delivery.',
  ledger:
    'Does the append-only ledger, under a signed checkpoint that witnesses saw, have the admission? Keeps out a history that was rewritten.',
};
