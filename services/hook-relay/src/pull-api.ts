import { z } from 'zod';
import { TakenHooks, type SpooledHooks } from '@airlock/common/wire/hook-relay';
import { MachineError, readJson, type MachineRoute } from '@airlock/process/machine-server';
import type { Spool } from './spool.ts';

export const nonprodIdentity = 'airlock:nonprod:web';

const Query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  wait: z.coerce.number().min(0).max(30).default(0),
});

export function pullRoutes(spool: Spool): MachineRoute[] {
  return [
    {
      method: 'GET',
      path: '/v1/hooks',
      async handle({ query }) {
        const asked = Query.safeParse(Object.fromEntries(query));
        if (!asked.success) {
          throw new MachineError('request-malformed', 'limit is 1 to 100, wait 0 to 30 seconds');
        }
        await spool.wait(asked.data.wait * 1000);
        const hooks = await spool.oldest(asked.data.limit);
        return { status: 200, json: { hooks } satisfies SpooledHooks };
      },
    },
    {
      method: 'POST',
      path: '/v1/hooks/taken',
      async handle({ request }) {
        await spool.remove((await readJson(request, TakenHooks, 64 * 1024)).ids);
        return { status: 204 };
      },
    },
  ];
}
