import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

/** Policies over paths of a key-value mount, a request, and whether it goes through. */
type Cell = {
  rules: Record<string, Record<string, unknown>>[];
  body?: Record<string, unknown>;
  method?: 'GET' | 'POST';
  wrap?: string;
  isAllowed: boolean;
};
const write = ['create', 'update'];
const data = { token: 'x' };

const cells: Record<string, Cell> = {
  'an exact path wins over a star, also when it allows less': {
    rules: [{ 'data/*': { capabilities: write }, 'data/x/y': { capabilities: ['read'] } }],
    body: { data },
    isAllowed: false,
  },
  'the longer star wins': {
    rules: [{ 'data/*': { capabilities: write }, 'data/x/*': { capabilities: ['list'] } }],
    body: { data },
    isAllowed: false,
  },
  'a later wildcard wins over an earlier one': {
    rules: [{ '+/x/y': { capabilities: ['read'] }, 'data/x/*': { capabilities: write } }],
    body: { data },
    isAllowed: true,
  },
  'a plus is one segment': {
    rules: [{ 'data/+': { capabilities: write } }],
    body: { data },
    isAllowed: false,
  },
  'equal paths of two policies add up': {
    rules: [
      { 'data/x/y': { capabilities: ['create'] } },
      { 'data/x/y': { capabilities: ['update'] } },
    ],
    body: { data },
    isAllowed: true,
  },
  'deny wins over another policy': {
    rules: [{ 'data/x/y': { capabilities: write } }, { 'data/x/y': { capabilities: ['deny'] } }],
    body: { data },
    isAllowed: false,
  },
  'an allowed parameter goes through': {
    rules: [{ 'data/x/y': { capabilities: write, allowed_parameters: { data: [] } } }],
    body: { data },
    isAllowed: true,
  },
  'a parameter beside the allowed ones does not': {
    rules: [{ 'data/x/y': { capabilities: write, allowed_parameters: { data: [] } } }],
    body: { data, other: 'x' },
    isAllowed: false,
  },
  'a star allows every parameter': {
    rules: [{ 'data/x/y': { capabilities: write, allowed_parameters: { '*': [] } } }],
    body: { data, other: 'x' },
    isAllowed: true,
  },
  'a value that is listed goes through, a star at its end included': {
    rules: [
      { 'data/x/y': { capabilities: write, allowed_parameters: { '*': [], other: ['a*'] } } },
    ],
    body: { data, other: 'abc' },
    isAllowed: true,
  },
  'a value that is not listed does not': {
    rules: [
      { 'data/x/y': { capabilities: write, allowed_parameters: { '*': [], other: ['a*'] } } },
    ],
    body: { data, other: 'bc' },
    isAllowed: false,
  },
  'a number is not the text of it': {
    rules: [
      { 'data/x/y': { capabilities: write, allowed_parameters: { '*': [], other: ['10'] } } },
    ],
    body: { data, other: 10 },
    isAllowed: false,
  },
  'a denied parameter is denied': {
    rules: [{ 'data/x/y': { capabilities: write, denied_parameters: { options: [] } } }],
    body: { data, options: {} },
    isAllowed: false,
  },
  'and without it the request goes through': {
    rules: [{ 'data/x/y': { capabilities: write, denied_parameters: { options: [] } } }],
    body: { data },
    isAllowed: true,
  },
  'a required parameter is required': {
    rules: [{ 'data/x/y': { capabilities: write, required_parameters: ['options'] } }],
    body: { data },
    isAllowed: false,
  },
  'names of parameters are compared in small letters': {
    rules: [{ 'data/x/y': { capabilities: write, denied_parameters: { Options: [] } } }],
    body: { data, options: {} },
    isAllowed: false,
  },
  'a list of parameters in one of two policies binds both': {
    rules: [
      { 'data/x/y': { capabilities: ['create'], allowed_parameters: { other: [] } } },
      { 'data/x/y': { capabilities: ['update'] } },
    ],
    body: { data },
    isAllowed: false,
  },
  'lists of parameters of two policies add up': {
    rules: [
      { 'data/x/y': { capabilities: ['create'], allowed_parameters: { other: [] } } },
      { 'data/x/y': { capabilities: ['update'], allowed_parameters: { data: [] } } },
    ],
    body: { data, other: 'x' },
    isAllowed: true,
  },
  'an answer that has to be wrapped is not given plain': {
    rules: [{ 'data/w': { capabilities: ['read'], min_wrapping_ttl: '10s' } }],
    method: 'GET',
    isAllowed: false,
  },
  'nor wrapped for too short': {
    rules: [{ 'data/w': { capabilities: ['read'], min_wrapping_ttl: '10s' } }],
    method: 'GET',
    wrap: '5s',
    isAllowed: false,
  },
  'nor for too long': {
    rules: [{ 'data/w': { capabilities: ['read'], max_wrapping_ttl: '100s' } }],
    method: 'GET',
    wrap: '500s',
    isAllowed: false,
  },
  'but for a time between': {
    rules: [
      {
        'data/w': { capabilities: ['read'], min_wrapping_ttl: '10s', max_wrapping_ttl: '100s' },
      },
    ],
    method: 'GET',
    wrap: '50s',
    isAllowed: true,
  },
};

for (const server of vaultServers()) {
  describe(`rules of policies on ${server.name}`, () => {
    let space: Workspace;
    let mount: string;
    before(async () => {
      space = openWorkspace(await server.start());
      mount = (await space.mount('kv', { version: '2' })) ?? '';
      await space.asRoot('POST', `${mount}/data/w`, { data });
    });
    after(() => space.close());

    const policyOf = (rules: Cell['rules'][number]) =>
      space.policy(
        Object.fromEntries(
          Object.entries(rules).map(([path, rule]) => [
            `${mount}/${path}`,
            { capabilities: [], ...rule },
          ]),
        ),
      );

    for (const [name, { rules, body, method = 'POST', wrap, isAllowed }] of Object.entries(cells)) {
      test(name, async () => {
        const names = [];
        for (const rule of rules) names.push(await policyOf(rule));
        const { token } = await space.token(names);
        const path = method === 'GET' ? 'data/w' : 'data/x/y';
        const headers = wrap === undefined ? {} : { 'X-Vault-Wrap-TTL': wrap };
        const answer = await space.call(token, method, `${mount}/${path}`, body, headers);
        assert.equal(answer.status, isAllowed ? 200 : 403, answer.errors);
      });
    }

    test('capabilities are told, sorted; what is denied or unsaid reads deny; root reads root', async () => {
      const policy = await space.policy({
        'sys/capabilities-self': ['update'],
        [`${mount}/data/a`]: ['update', 'create'],
        [`${mount}/data/b`]: ['read', 'deny'],
      });
      const { token, accessor } = await space.token([policy]);
      const paths = ['a', 'b', 'c'].map((name) => `${mount}/data/${name}`);
      const expected = [['create', 'update'], ['deny'], ['deny']];
      const self = await space.call(token, 'POST', 'sys/capabilities-self', { paths });
      assert.deepEqual(
        paths.map((path) => self.body.data?.[path]),
        expected,
      );
      const byAccessor = await space.asRoot('POST', 'sys/capabilities-accessor', {
        accessor,
        paths,
      });
      assert.deepEqual(
        paths.map((path) => byAccessor.body.data?.[path]),
        expected,
      );
      const root = await space.asRoot('POST', 'sys/capabilities-self', { paths });
      assert.deepEqual(root.body.data?.[paths[0] ?? ''], ['root']);
    });

    const refused: [string, string, object, RegExp][] = [
      ['capabilities of no path', 'sys/capabilities-self', {}, /paths must be supplied/],
      [
        'capabilities of an unknown accessor',
        'sys/capabilities-accessor',
        { accessor: 'x', paths: ['a'] },
        /invalid accessor/,
      ],
      ['an empty policy', 'sys/policies/acl/contract-empty', {}, /not supplied or empty/],
      ['a change of root', 'sys/policies/acl/root', { policy: '{}' }, /cannot update "root"/],
      [
        'an unknown capability',
        'sys/policies/acl/contract-bad',
        { policy: JSON.stringify({ path: { a: { capabilities: ['fly'] } } }) },
        /failed to parse policy/,
      ],
      [
        'a rule of an unknown kind',
        'sys/policies/acl/contract-bad',
        { policy: JSON.stringify({ path: { a: { capabilities: ['read'], odd: 1 } } }) },
        /failed to parse policy/,
      ],
      [
        'a wrapping time whose most is less than its least',
        'sys/policies/acl/contract-bad',
        {
          policy: JSON.stringify({
            path: {
              a: { capabilities: ['read'], min_wrapping_ttl: '20s', max_wrapping_ttl: '10s' },
            },
          }),
        },
        /max_wrapping_ttl cannot be less than min_wrapping_ttl/,
      ],
    ];
    for (const [what, path, body, reason] of refused) {
      test(`refused: ${what}`, async () => {
        const answer = await space.asRoot('POST', path, body);
        assert.equal(answer.status, 400);
        assert.match(answer.errors, reason);
      });
    }
  });
}
