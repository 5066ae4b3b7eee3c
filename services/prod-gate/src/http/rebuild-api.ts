/** The listener for rebuilders: see packages/common/src/wire/rebuild-protocol.ts for what crosses. */
import { pipeline } from 'node:stream/promises';
import { MachineError, readJson, type MachineRoute } from '@airlock/process/machine-server';
import { RebuildReport, type WantedRebuilds } from '@airlock/common/wire/rebuild-protocol';
import { createRateLimit } from '@airlock/web/rate-limit';
import type { ContentStore } from '@airlock/artifacts/content-store';
import {
  RebuildError,
  takeRebuild,
  wantedOf,
  wantedRebuilds,
  type RebuildDependencies,
  type TakenRebuild,
} from '../app/take-rebuild.ts';

/** Two envelopes at their largest, and the JSON around them. */
const maxReportBytes = 512 * 1024;
/** Twice what a rebuilder asks that was told to ask as often as it may. */
const callsPerMinute = 600;

export function rebuildRoutes(
  dependencies: RebuildDependencies & {
    artifacts: Pick<ContentStore, 'openVerified'>;
    /** Builder id by URI name of the client's certificate; every caller that the listener lets in is in it. */
    builders: ReadonlyMap<string, string>;
    onTaken(builderId: string, taken: TakenRebuild): void;
  },
): MachineRoute[] {
  const mayCall = createRateLimit(callsPerMinute);
  const builderOf = (caller: string): string => {
    const builderId = dependencies.builders.get(caller);
    if (builderId === undefined) throw new TypeError(`${caller} is on the listener's list alone`);
    if (!mayCall(caller, dependencies.clock())) {
      throw new MachineError(
        'too-many-requests',
        `more than ${callsPerMinute} calls a minute; raise pollSeconds of the rebuilder`,
      );
    }
    return builderId;
  };
  return [
    {
      method: 'GET',
      path: '/v1/rebuilds',
      async handle({ caller }) {
        const rebuilds = await wantedRebuilds(dependencies, builderOf(caller));
        return { status: 200, json: { rebuilds } satisfies WantedRebuilds };
      },
    },
    {
      method: 'GET',
      path: '/v1/rebuilds/:promotion/artifact',
      async handle({ caller, params, response }) {
        const builderId = builderOf(caller);
        const { artifactDigest } = await asMachineError(() =>
          wantedOf(dependencies, builderId, params['promotion'] ?? ''),
        );
        const { handle, size } = await dependencies.artifacts.openVerified(artifactDigest);
        response.writeHead(200, {
          'content-type': 'application/octet-stream',
          'content-length': size,
          'cache-control': 'no-store',
        });
        await pipeline(handle.createReadStream({ start: 0 }), response);
        return 'streamed';
      },
    },
    {
      method: 'POST',
      path: '/v1/rebuilds/:promotion',
      async handle({ caller, params, request }) {
        const builderId = builderOf(caller);
        const report = await readJson(request, RebuildReport, maxReportBytes);
        const taken = await asMachineError(() =>
          takeRebuild(dependencies, builderId, params['promotion'] ?? '', report),
        );
        if (taken.isNew) dependencies.onTaken(builderId, taken);
        const { outcome } = taken;
        return { status: taken.isNew ? 201 : 200, json: { outcome } };
      },
    },
  ];
}

async function asMachineError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof RebuildError)) throw cause;
    const code = cause.code === 'rebuild-not-wanted' ? 'not-found' : 'rebuild-refused';
    throw new MachineError(code, cause.message, { cause });
  }
}
