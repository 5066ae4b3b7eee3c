/** Held runs: what there is to look at, and a member's word that this commit may be built. */
import { GitCommit, Sha256Hex } from '@airlock/common/wire/scalars';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { z } from 'zod';
import type { TrustDescription } from '../../app/describe-trust.ts';
import type { ReleaseAnswer, ReleaseWish } from '../../app/release-run.ts';
import { pathId, requesterOf } from './shared.ts';

const ReleaseBody = z.strictObject({
  commit: GitCommit,
  files: z.enum(['own', 'base']).default('base'),
  /** Needed for `own`: says which difference was looked at. GET …/trust tells it. */
  filesDigest: Sha256Hex.nullable().default(null),
});

export interface ReleasePorts {
  readonly describeTrust: (runId: string) => Promise<TrustDescription | null>;
  readonly releaseRun: (wish: ReleaseWish) => Promise<ReleaseAnswer>;
}

export function releaseRoutes({ describeTrust, releaseRun }: ReleasePorts): Route[] {
  const release = async (wish: ReleaseWish): Promise<void> => {
    const answer = await releaseRun(wish);
    if (answer.kind === 'not-found') throw new HttpError('not-found', 'There is no such run.');
    if (answer.kind === 'released') return;
    throw new HttpError('refused', answer.reasons.map(({ text }) => text).join(' '), {
      codes: answer.reasons.map(({ code }) => code),
    });
  };
  return [
    route({
      name: 'release-run-by-form',
      method: 'post',
      path: '/runs/:id/release',
      access: 'role:developer',
      summary: 'Releasing a held run',
      body: ReleaseBody,
      async handle(request, response, context, body) {
        const runId = pathId(request, 'run');
        await release({ runId, ...body, person: requesterOf(context) });
        response.redirect(303, `/runs/${runId}`);
      },
    }),
    route({
      name: 'release-run',
      method: 'post',
      path: '/api/v1/runs/:id/release',
      access: 'role:developer',
      summary: 'Releasing a held run',
      body: ReleaseBody,
      async handle(request, response, context, body) {
        const runId = pathId(request, 'run');
        await release({ runId, ...body, person: requesterOf(context) });
        response.status(202).json({ run: runId, commit: body.commit, files: body.files });
      },
    }),
    route({
      name: 'read-trust',
      method: 'get',
      path: '/api/v1/runs/:id/trust',
      access: 'signed-in',
      scope: 'read',
      summary: 'How far a run is trusted and why.',
      async handle(request, response) {
        const description = await describeTrust(pathId(request, 'run'));
        if (description === null) throw new HttpError('not-found', 'There is no such run.');
        response.json(trustJson(description));
      },
    }),
  ];
}

function trustJson({ trust, release, held }: TrustDescription) {
  return {
    level: trust.level,
    why: trust.why,
    files: trust.files,
    filesCommit: trust.filesCommit,
    notes: trust.notes,
    release:
      release === null
        ? null
        : { by: release.name, at: release.at.toISOString(), files: release.files },
    held:
      held === null
        ? null
        : {
            commit: held.commit,
            baseBranch: held.baseBranch,
            baseCommit: held.baseCommit,
            sameFiles: held.isSame,
            filesDigest: held.digest,
          },
  };
}
