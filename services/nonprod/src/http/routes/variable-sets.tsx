/** Named sets of variables, which repositories and groups choose by name. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { z } from 'zod';
import type { createSetVariable } from '../../app/manage-variables.ts';
import type { SightStore } from '../../app/sight-ports.ts';
import type {
  SetChoice,
  ShownSet,
  VariableSetStore,
  VariableStore,
} from '../../app/variable-ports.ts';
import { scopeOfSet, SetName } from '../../domain/variable.ts';
import { hiddenFrom } from '../heed-sight.ts';
import { refuseUnset, VariableBody, VariableName } from '../variable-bodies.ts';
import { VariableSetPage } from '../views/variable-set-list.tsx';
import { requesterOf } from './shared.ts';

const Name = z.string().regex(SetName, 'a-z, 0-9 and -, such as eu-staging');
/** From a form as words, from a program as a list. */
const Sets = z.preprocess(
  (given) =>
    typeof given === 'string' ? given.split(/[\s,]+/).filter((word) => word !== '') : given,
  z
    .array(Name)
    .max(20)
    .refine((names) => new Set(names).size === names.length, 'each set once'),
);
const ValueBody = VariableBody.extend({ set: Name });
const ValueName = VariableName.extend({ set: Name });
const RepositoryChoice = z.strictObject({
  repository: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/),
  sets: Sets,
});
const GroupChoice = z.strictObject({ group: z.string().min(1).max(255), sets: Sets });

export interface VariableSetPorts {
  readonly sets: VariableSetStore;
  readonly variables: Pick<VariableStore, 'remove'>;
  readonly setVariable: ReturnType<typeof createSetVariable>;
}

export function variableSetRoutes({
  sets,
  variables,
  setVariable,
  sight,
}: VariableSetPorts & { readonly sight: Pick<SightStore, 'hiddenFrom'> }): Route[] {
  async function shown(context: RouteContext): Promise<readonly ShownSet[]> {
    const [values, choices, hidden] = await Promise.all([
      sets.values(),
      sets.choices(),
      hiddenFrom(sight, context),
    ]);
    const seen = choices.filter(
      ({ kind, chooser }) => kind === 'group' || !hidden.includes(chooser),
    );
    const names = [...new Set(values.map(({ scope }) => scope.slice(1)))];
    return names.map((name) => ({
      name,
      values: values.filter(({ scope }) => scope === scopeOfSet(name)),
      choosers: seen.filter((choice) => choice.sets.includes(name)),
    }));
  }

  /** @throws HttpError `setting-refused`. */
  async function set(wish: z.infer<typeof ValueBody>, context: RouteContext): Promise<void> {
    const { set: name, ...variable } = wish;
    const answer = await setVariable(
      { ...variable, scope: scopeOfSet(name) },
      requesterOf(context).id,
    );
    if (answer.kind === 'no-repository') throw new Error('a set is no repository');
    refuseUnset(answer, wish.name);
  }

  /** @throws HttpError `not-found`. */
  async function remove(wish: z.infer<typeof ValueName>, context: RouteContext): Promise<void> {
    const { set: name, name: variable } = wish;
    const found = { scope: scopeOfSet(name), name: variable };
    if (await variables.remove(found, requesterOf(context).id)) return;
    throw new HttpError('not-found', `There is no variable ${variable} of the set ${name}.`);
  }

  /** @throws HttpError `not-found`. */
  async function choose(choice: SetChoice, context: RouteContext): Promise<void> {
    const answer = await sets.choose(choice, requesterOf(context).id);
    if (answer === 'chosen') return;
    throw new HttpError(
      'not-found',
      answer.missing === null
        ? `There is no repository ${choice.chooser}.`
        : `There is no set ${answer.missing}; a set is made by setting a variable in it.`,
    );
  }

  const ofRepository = ({
    repository,
    sets: names,
  }: z.infer<typeof RepositoryChoice>): SetChoice => ({
    ...{ kind: 'repository', chooser: repository, sets: names },
  });
  const ofGroup = ({ group, sets: names }: z.infer<typeof GroupChoice>): SetChoice => ({
    ...{ kind: 'group', chooser: group, sets: names },
  });

  return [
    route({
      name: 'show-variable-sets',
      method: 'get',
      path: '/variable-sets',
      access: 'signed-in',
      summary: 'Named sets of variables, and who chose them',
      async handle(request, response, context) {
        const [frame, found] = await Promise.all([frameOf(request, context), shown(context)]);
        sendPage(response, VariableSetPage({ frame, sets: found }));
      },
    }),
    route({
      name: 'list-variable-sets',
      method: 'get',
      path: '/api/v1/variable-sets',
      access: 'signed-in',
      scope: 'read',
      summary: 'Named sets of variables, and who chose them',
      async handle(_request, response, context) {
        response.json({
          sets: (await shown(context)).map(({ name, values, choosers }) => ({
            name,
            variables: values.map(({ name: variable, value, publicBecause, setBy, setAt }) => ({
              ...{ name: variable, value, publicBecause, setBy, setAt: setAt.toISOString() },
            })),
            choosers: choosers.map(({ kind, chooser }) => ({ kind, name: chooser })),
          })),
        });
      },
    }),
    route({
      name: 'set-variable-of-set',
      method: 'put',
      path: '/api/v1/variable-sets',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Setting a variable of a set',
      body: ValueBody,
      async handle(_request, response, context, wish) {
        await set(wish, context);
        response.json({ set: wish.set, name: wish.name });
      },
    }),
    route({
      name: 'remove-variable-of-set',
      method: 'post',
      path: '/api/v1/variable-sets/remove',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Removing a variable of a set',
      body: ValueName,
      async handle(_request, response, context, wish) {
        await remove(wish, context);
        response.json({ set: wish.set, name: wish.name });
      },
    }),
    route({
      name: 'set-variable-of-set-by-form',
      method: 'post',
      path: '/variable-sets',
      access: 'role:platform',
      summary: 'Setting a variable of a set',
      body: ValueBody,
      async handle(_request, response, context, wish) {
        await set(wish, context);
        response.redirect(303, '/variable-sets');
      },
    }),
    route({
      name: 'remove-variable-of-set-by-form',
      method: 'post',
      path: '/variable-sets/remove',
      access: 'role:platform',
      summary: 'Removing a variable of a set',
      body: ValueName,
      async handle(_request, response, context, wish) {
        await remove(wish, context);
        response.redirect(303, '/variable-sets');
      },
    }),
    route({
      name: 'choose-variable-sets',
      method: 'put',
      path: '/api/v1/variable-set-choices',
      access: 'role:developer',
      scope: 'admin',
      summary: 'Choosing the variable sets of a repository',
      body: RepositoryChoice,
      async handle(_request, response, context, choice) {
        await choose(ofRepository(choice), context);
        response.json(choice);
      },
    }),
    route({
      name: 'choose-variable-sets-by-form',
      method: 'post',
      path: '/variable-set-choices',
      access: 'role:developer',
      summary: 'Choosing the variable sets of a repository',
      body: RepositoryChoice,
      async handle(_request, response, context, choice) {
        await choose(ofRepository(choice), context);
        response.redirect(303, `/variables?repository=${encodeURIComponent(choice.repository)}`);
      },
    }),
    route({
      name: 'choose-variable-sets-of-group',
      method: 'put',
      path: '/api/v1/group-variable-sets',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Choosing the variable sets of all repositories of a group',
      body: GroupChoice,
      async handle(_request, response, context, choice) {
        await choose(ofGroup(choice), context);
        response.json(choice);
      },
    }),
  ];
}
