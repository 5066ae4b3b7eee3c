/** Verbs on releases at the gate. Printed JSON is the API's own answer; tables are for people. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { digestWords } from '@airlock/common/promotion/digest-words';
import { z } from 'zod';
import { ArtifactChanges, artifactLines } from './artifact-lines.ts';
import { decideWithPasskey, enrolPasskey } from './decisions.ts';
import { CliError, exitCode } from './exit-codes.ts';
import { safe } from './print.ts';
import { signInToDemo, type WebSession } from './web-session.ts';

const DemoContext = z.strictObject({
  gate: z.string(),
  nonprod: z.string(),
  /** Directory of the demo's software passkeys. */
  passkeys: z.string(),
});

const contextFile = '.demo/context.json';
/** Where the demo writes the keys that an auditor would get by another way. */
const pinnedFile = '.demo/pinned.json';

/** The demo that this directory runs. @throws CliError that says where to decide instead. */
export function demoContext(): z.infer<typeof DemoContext> {
  if (!existsSync(contextFile)) {
    throw new CliError(
      exitCode.notAllowed,
      `no demo runs here (${contextFile} is missing). A real gate wants a browser and your own passkey: open the promotion's page there, or /controls to stop`,
    );
  }
  const parsed = DemoContext.safeParse(JSON.parse(readFileSync(contextFile, 'utf8')));
  if (!parsed.success) {
    throw new CliError(
      exitCode.configuration,
      `${contextFile} is not what a demo writes; start the demo again: npm run demo`,
    );
  }
  return parsed.data;
}

export const signIn = (person: string): Promise<WebSession> =>
  signInToDemo(demoContext().gate, person);

const Verdict = z.looseObject({
  kind: z.string(),
  text: z.string(),
  reasons: z.array(z.looseObject({ kind: z.string(), text: z.string() })),
});

const Summary = z.looseObject({
  id: z.string(),
  release: z.string(),
  target: z.string(),
  state: z.string(),
  verdict: Verdict,
});

const Queue = z.looseObject({
  needsYou: z.array(Summary),
  inProgress: z.array(Summary),
  waitingForOthers: z.array(Summary),
  live: z.array(
    z.looseObject({
      target: z.string(),
      release: z.string(),
      since: z.string(),
      runs: z.looseObject({ text: z.string() }),
    }),
  ),
  refused: z.array(
    z.looseObject({
      request: z.string(),
      claimedTarget: z.string(),
      code: z.string().nullable(),
      meaning: z.string(),
      mend: z.string(),
    }),
  ),
});

export const Changes = z.looseObject({
  base: z.looseObject({ release: z.string(), commit: z.string() }).nullable(),
  commitCount: z.number(),
  commits: z.array(
    z.looseObject({ commit: z.string(), subject: z.string(), authorName: z.string() }),
  ),
  fileCount: z.number(),
  files: z.array(
    z.looseObject({
      path: z.string(),
      status: z.string(),
      added: z.number().nullable(),
      removed: z.number().nullable(),
    }),
  ),
  artifact: ArtifactChanges.optional(),
});

const Details = Summary.extend({
  commit: z.string(),
  promotionDigest: z.string(),
  requester: z.string(),
  reason: z.string(),
  checks: z.array(
    z.looseObject({
      title: z.string(),
      status: z.string(),
      summary: z.string(),
      evidence: z.array(
        z.looseObject({ label: z.string(), value: z.string(), source: z.string().optional() }),
      ),
    }),
  ),
  changes: Changes,
  firsts: z.looseObject({ text: z.array(z.string()) }),
});

export type QueueOptions = { as: string; output: string; target?: string; q?: string };

/** What waits, runs and is live, with the one sentence of each; of one target or with some words, as /queue narrows it. */
export async function listQueue(options: QueueOptions): Promise<string> {
  const session = await signIn(options.as);
  const { target = '', q = '' } = options;
  const filter = new URLSearchParams({ target, q });
  const answer = await session.getJson(`/api/v1/queue?${filter.toString()}`);
  if (options.output === 'json') return JSON.stringify(answer, null, 2);
  const queue = Queue.parse(answer);
  const summaries = (title: string, of: readonly z.infer<typeof Summary>[]): string[] =>
    of.length === 0
      ? []
      : [
          title,
          ...of.flatMap(({ id, release, target, verdict }) => [
            `  ${id}  ${safe(release)} → ${target}`,
            `    ${safe(verdict.text)}`,
          ]),
        ];
  const lines = [
    ...summaries('Needs you', queue.needsYou),
    ...summaries('In progress', queue.inProgress),
    ...summaries('Waiting for others', queue.waitingForOthers),
    'Live now',
    ...(queue.live.length === 0
      ? [
          target + q === ''
            ? '  nothing yet'
            : '  nothing answers --target and -q; the whole queue: airlock queue',
        ]
      : queue.live.flatMap(({ target, release, since, runs }) => [
          `  ${target.padEnd(16)} ${safe(release)}  since ${since.slice(0, 19)}Z`,
          `    runs there: ${safe(runs.text)}`,
        ])),
    ...(queue.refused.length === 0
      ? []
      : [
          'Refused at the door',
          ...queue.refused.flatMap(({ request, claimedTarget, code, meaning, mend }) => [
            `  ${safe(request)} → ${safe(claimedTarget)}  ${code ?? ''}`,
            `    ${meaning} ${mend}`,
          ]),
        ]),
  ];
  return lines.join('\n');
}

const marks: Readonly<Record<string, string>> = {
  pass: '✓',
  fail: '✗',
  wait: '…',
  error: '!',
  skip: '-',
};

/** One promotion: its verdict, on request every check and what changes. */
export async function showRelease(
  id: string,
  options: { as: string; output: string; why?: true; diff?: true },
): Promise<string> {
  const session = await signIn(options.as);
  const answer = await session.getJson(promotionPath(id));
  if (options.output === 'json') return JSON.stringify(answer, null, 2);
  const view = Details.parse(answer);
  const reasons = view.verdict.reasons.slice(1);
  const lines = [
    `${safe(view.release)} → ${view.target}  (${view.state})`,
    safe(view.verdict.text),
    ...reasons.map(({ text }) => `  also: ${safe(text)}`),
    `asked by ${safe(view.requester)}: ${safe(view.reason)}  (as reported by non-prod, not verified)`,
    ...view.firsts.text.map(safe),
    `commit ${view.commit}`,
    `digest sha256:${view.promotionDigest}`,
    `in words ${digestWords(view.promotionDigest)}`,
  ];
  if (options.why === true) {
    lines.push('', 'Why it may or may not pass');
    for (const { title, status, summary, evidence } of view.checks) {
      lines.push(`  ${marks[status] ?? '?'} ${title.padEnd(28)} ${safe(summary)}`);
      for (const { label, value, source } of evidence) {
        lines.push(
          `      ${safe(label)}: ${safe(value)}${source === undefined ? '' : ` (${source})`}`,
        );
      }
    }
  }
  if (options.diff === true) {
    lines.push('', ...changeLines(view.changes));
  }
  return lines.join('\n');
}

/** Commits, files and what is in the artifact by name, against what is live. */
export function changeLines({
  base,
  commitCount,
  commits,
  fileCount,
  files,
  artifact,
}: z.infer<typeof Changes>): string[] {
  return [
    base === null
      ? 'Nothing is live yet; the first delivery changes everything.'
      : `Since ${safe(base.release)} (${base.commit.slice(0, 8)}), which is live: ${commitCount} commits, ${fileCount} files`,
    ...commits.map(
      ({ commit, subject, authorName }) =>
        `  ${commit.slice(0, 8)}  ${safe(subject)}  (${safe(authorName)})`,
    ),
    ...files.map(
      ({ path, status, added, removed }) =>
        `  ${status}  ${safe(path)}  ${added === null ? 'binary' : `+${added} −${removed ?? 0}`}`,
    ),
    ...(artifact === undefined ? [] : artifactLines(artifact)),
  ];
}

/** Approves with the demo's software passkey, enrolling it first if need be. */
export async function approveRelease(
  id: string,
  options: { as: string; message: string },
): Promise<string> {
  promotionPath(id);
  const { gate, passkeys } = demoContext();
  const session = await signInToDemo(gate, options.as);
  const passkeyFile = await enrolPasskey(session, resolve(passkeys));
  const { statement, promotionDigest } = await decideWithPasskey(session, {
    promotionId: id,
    passkeyFile,
    note: options.message,
  });
  return [
    `${options.as} signed this statement with a software passkey (demo only):`,
    statement,
    `promotion sha256:${promotionDigest}`,
    `in words ${digestWords(promotionDigest)}`,
    `see ${gate}/promotions/${id}`,
  ].join('\n');
}

/** Takes back the approval of whoever asks. */
export async function withdrawApproval(
  id: string,
  options: { as: string; message: string },
): Promise<string> {
  const session = await signIn(options.as);
  await session.postJson(`${promotionPath(id)}/withdrawal`, { reason: options.message });
  return `${options.as} withdrew the approval of ${id}. Until the delivery begins, airlock approve gives another one.`;
}

/** Writes the evidence archive of a promotion. */
export async function saveEvidence(
  id: string,
  options: { as: string; to?: string },
): Promise<string> {
  const session = await signIn(options.as);
  const archive = await session.getBytes(`${promotionPath(id)}/evidence`);
  const file = options.to ?? `${id}-evidence.tar`;
  try {
    writeFileSync(file, archive);
  } catch (cause) {
    throw new CliError(
      exitCode.usage,
      `${file} cannot be written; name another place with --to FILE`,
      { cause },
    );
  }
  return `${file}: ${archive.length} bytes. Check it with keys that you got by another way: airlock verify ${file} --pinned ${pinnedFile}`;
}

/** @throws CliError `usage` when `id` is no promotion's, before anything is sent. */
export function promotionPath(id: string): string {
  if (!/^prm_[0-9a-z]{10}$/.test(id)) {
    throw new CliError(
      exitCode.usage,
      `${JSON.stringify(id)} is no promotion; ids look like prm_7k2q9x0d1f and stand in: airlock queue`,
    );
  }
  return `/api/v1/promotions/${id}`;
}

const EarlierReleases = z.looseObject({
  live: z.looseObject({ release: z.string() }).nullable(),
  earlier: z.array(
    z.looseObject({ release: z.string(), delivery: z.string(), liveSince: z.string().nullable() }),
  ),
  fault: z.string().nullable(),
  migrations: z
    .array(
      z.looseObject({
        path: z.string(),
        release: z.string(),
        undo: z.string().nullable(),
        warns: z.array(z.string()),
      }),
    )
    .nullable(),
});

const AskedReturn = z.looseObject({ id: z.string(), promotion: z.string().nullable() });

export type ReturnOptions = {
  as: string;
  to?: string;
  answer: readonly { readonly path: string; readonly answer: string }[];
  message: string;
};

/** Asks for a return; without `to`, or with migrations unanswered, says what there is to decide. */
export async function returnTarget(target: string, options: ReturnOptions): Promise<string> {
  const session = await signIn(options.as);
  const path = `/api/v1/targets/${encodeURIComponent(target)}/return`;
  const { to, answer, message } = options;
  const query = to === undefined ? '' : `?to=${encodeURIComponent(to)}`;
  const found = EarlierReleases.parse(await session.getJson(`${path}${query}`));
  const { live, earlier, migrations } = found;
  if (to === undefined) {
    if (live === null || earlier.length === 0) return 'No earlier release to return to.';
    return [
      `${safe(live.release)} is live on ${target}. Return to one of these with --to RELEASE -m "why":`,
      ...earlier.map(
        ({ release, delivery, liveSince }) =>
          `  ${safe(release)}  ${delivery}  live from ${liveSince ?? ''}`,
      ),
    ].join('\n');
  }
  const open = (migrations ?? []).filter((each) => answer.every((one) => one.path !== each.path));
  if (open.length > 0) {
    throw new CliError(
      exitCode.usage,
      [
        `migrations came since ${to}; say of each what becomes of it:`,
        ...open.map(
          ({ path: file, release, undo, warns }) =>
            `  --answer ${safe(file)}=tolerates${undo === null ? '' : ' or =down'}   (with ${safe(release)}${warns.length === 0 ? '' : `; ${warns.join(', ')}`}${undo === null ? '; no undoing file' : `; undone by ${safe(undo)}`})`,
        ),
      ].join('\n'),
    );
  }
  const asked = AskedReturn.parse(
    await session.postJson(path, { to, answers: answer, reason: message }),
  );
  return asked.promotion === null
    ? `asked for (${asked.id}); intake has not answered yet, see airlock queue`
    : `Return to ${to} → ${target} waits for approval by others: airlock approve ${asked.promotion}`;
}
