/** What a repository may start in a day, and what it did today. */
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { z } from 'zod';
import type { BudgetStore } from '../../app/trust-ports.ts';
import { budgetTriggers } from '../../domain/budget.ts';
import { requesterOf } from './shared.ts';

const Repository = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/);

const BudgetBody = z.strictObject({
  repository: Repository,
  trigger: z.enum(budgetTriggers),
  buildsADay: z.int().min(0).max(1_000_000),
  minutesADay: z.int().min(0).max(10_000_000),
});

export interface BudgetPorts {
  readonly budgets: BudgetStore;
}

export function budgetRoutes({ budgets }: BudgetPorts): Route[] {
  return [
    route({
      name: 'read-budgets',
      method: 'get',
      path: '/api/v1/budgets',
      access: 'signed-in',
      scope: 'read',
      summary: 'Budgets of a repository, and what it used of them today (UTC).',
      async handle(request, response) {
        const repository = Repository.safeParse(request.query['repository']);
        if (!repository.success) {
          throw new HttpError('request-malformed', 'Say of which: ?repository=NAME.');
        }
        const name = repository.data;
        const rows = await Promise.all(
          budgetTriggers.map(async (trigger) => {
            const { usage, budget } = await budgets.today(name, trigger);
            const used = { builds: usage.builds, minutes: Math.floor(usage.seconds / 60) };
            return { trigger, ...budget, used };
          }),
        );
        response.json({ repository: name, budgets: rows });
      },
    }),
    route({
      name: 'set-budget',
      method: 'put',
      path: '/api/v1/budgets',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Setting the budget of a repository',
      body: BudgetBody,
      async handle(_request, response, context, { repository, trigger, ...budget }) {
        const person = requesterOf(context).id;
        if (!(await budgets.set(repository, trigger, budget, person))) {
          throw new HttpError('not-found', `There is no repository ${repository}.`);
        }
        response.json({ repository, trigger, ...budget });
      },
    }),
  ];
}
