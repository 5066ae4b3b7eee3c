/** What somebody tries who may sign in at nonprod and has no more than that, or than a developer has. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { sessionWithToken, type WebSession } from '../web-session.ts';
import { signedIn } from '../signed-in.ts';
import { logOf, push, pipelineOf, runOf } from './build-door.ts';
import { all, mayNot, type Drill, type Way } from './drill.ts';
import { knock } from './knock.ts';

const Made = z.object({ id: z.string(), token: z.string() });
const Me = z.looseObject({ viewer: z.looseObject({ roles: z.array(z.string()) }) });

const saml = (groups: readonly string[]): string =>
  Buffer.from(
    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_drill" Version="2.0"><saml:Assertion ID="_a" Version="2.0"><saml:Subject><saml:NameID>oke</saml:NameID></saml:Subject><saml:AttributeStatement>${groups.map((group) => `<saml:Attribute Name="groups"><saml:AttributeValue>${group}</saml:AttributeValue></saml:Attribute>`).join('')}</saml:AttributeStatement></saml:Assertion></samlp:Response>`,
  ).toString('base64');

const selfAdmin: Drill = {
  id: 'self-admin',
  controls: ['V8', 'V37', 'B19', 'B30'],
  attacker: 'member',
  attack:
    'gives itself what only the platform role may, by asking for it, by claiming it, by saying yes to itself, and by a sign-in of its own making',
  async run({ nonprod }) {
    const dana = await signedIn(nonprod, 'dana');
    const { roles: before } = Me.parse(await dana.getJson('/api/v1/me')).viewer;
    const token = {
      name: 'drill self-admin',
      scopes: ['read', 'run', 'admin'],
      days: 1,
      networks: [],
    };
    const ways: Way[] = [
      { way: 'to begin with', held: !before.includes('platform'), answer: before.join(', ') },
      ...(await asPlatform(dana)),
    ];
    const { id, token: bearer } = Made.parse(await dana.postJson('/api/v1/tokens', token));
    try {
      const program = await sessionWithToken(nonprod, bearer);
      ways.push(...(await asPlatform(program, ', by a token')));
    } finally {
      await dana.postJson(`/api/v1/tokens/${id}/revoke`, {});
    }
    const forged = await knock(nonprod, {
      ...{ method: 'POST', path: '/auth/saml/acs' },
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: nonprod },
      body: new URLSearchParams({ SAMLResponse: saml(['platform']), RelayState: '/' }).toString(),
    });
    ways.push({
      way: 'an unsigned sign-in',
      held: forged.status >= 400 && !/session=[^;]/.test(String(forged.headers['set-cookie'])),
      answer: String(forged.status),
    });
    const { roles } = Me.parse(await dana.getJson('/api/v1/me?roles=platform')).viewer;
    ways.push(...(await asSecondAdministrator(nonprod)));
    ways.push({ way: 'in the end', held: !roles.includes('platform'), answer: roles.join(', ') });
    return all(ways);
  },
};

const Administrators = z.object({
  first: z.array(z.string()),
  wishes: z.array(z.looseObject({ id: z.string(), person: z.string() })),
});

/** Asks to be administrator and says yes to it: as a member, as the one administrator there is, and by a token of theirs. */
async function asSecondAdministrator(nonprod: string): Promise<Way[]> {
  const [dana, oke] = [await signedIn(nonprod, 'dana'), await signedIn(nonprod, 'oke')];
  const wish = { reason: 'drill self-admin', minutes: 60 };
  const ways = [
    await mayNot('becoming one', dana.postJson('/api/v1/me/administrator', wish)),
    await mayNot('who may be one', dana.getJson('/api/v1/administrators')),
    await mayNot('a yes of one’s own', dana.postJson('/api/v1/administrators/1/admit', {})),
    await mayNot('a yes to nobody', oke.postJson('/api/v1/administrators/0/admit', {})),
  ];
  const token = { name: 'drill self-admin', scopes: ['read', 'admin'], days: 1, networks: [] };
  const { id, token: bearer } = Made.parse(await oke.postJson('/api/v1/tokens', token));
  try {
    const program = await sessionWithToken(nonprod, bearer);
    const yes = program.postJson('/api/v1/administrators/1/admit', {});
    ways.push(await mayNot('a yes, by an administrator’s token', yes));
  } finally {
    await oke.postJson(`/api/v1/tokens/${id}/revoke`, {});
  }
  const { wishes } = Administrators.parse(await oke.getJson('/api/v1/administrators'));
  const asked = wishes.some(({ person }) => person.startsWith('dana'));
  ways.push({ way: 'a wish of hers', held: !asked, answer: asked ? 'written down' : 'none' });
  return ways;
}

async function asPlatform(dana: WebSession, by = ''): Promise<Way[]> {
  const pool = { version: 0, trust: 0, isolation: 'none', once: false, images: [], everyone: true };
  const secret = { name: 'DRILL_SELF', value: 'x'.repeat(24), description: '', lowValue: true };
  const runner = { pool: 'default', runner: null, once: true };
  return [
    await mayNot(`a pool${by}`, dana.putJson('/api/v1/pools/drill-self', pool)),
    await mayNot(`a secret${by}`, dana.postJson('/api/v1/secrets', secret)),
    await mayNot(`a runner’s token${by}`, dana.postJson('/api/v1/runners/tokens', runner)),
    await mayNot(`all runners${by}`, dana.postJson('/api/v1/runners/prune', {})),
    await mayNot(`the key of secrets${by}`, dana.postJson('/api/v1/secret-key/rotate', {})),
  ];
}

const form = (fields: Readonly<Record<string, unknown>>): string =>
  `${JSON.stringify({ version: 1, fields })}\n`;

const commandsAsAnswers: readonly (readonly [string, string])[] = [
  ['$( )', '$(touch poisoned)'],
  ['backticks', '`touch poisoned`'],
  ['double quote', 'x"; touch poisoned; "'],
  ['single quote', "x'; touch poisoned; '"],
  ['new line', 'x\ntouch poisoned\n'],
  ['substitution', '${CI_COMMIT_SHA}$CI_COMMIT_SHA'],
  ['YAML', 'x\n      - touch poisoned'],
];

const formInjection: Drill = {
  id: 'form-injection',
  controls: ['VR2'],
  attacker: 'member',
  attack:
    'answers a launch form with commands, with what its fields do not take, and with variables that loaders and shells act on',
  async run(target) {
    const dana = await signedIn(target.nonprod, 'dana');
    const ref = `refs/heads/drill-form-${randomBytes(4).toString('hex')}`;
    const commands = [
      'echo "said <$WHERE>"',
      'echo ${WHERE}',
      'test ! -e poisoned',
      'sh package.sh',
    ];
    const commit = await push(target, {
      ref,
      files: {
        '.airlock/launch.yaml': form({
          WHERE: { type: 'text', label: 'Where', required: true },
          HOW_MANY: { type: 'number', label: 'How many', min: 1, max: 3, default: 1 },
        }),
        '.woodpecker.yaml': pipelineOf({ commands }).replace('"pull_request"', '"manual"'),
      },
    });
    await runOf(target, commit);
    const start = (answers: Readonly<Record<string, string>>): Promise<unknown> =>
      dana.postJson('/api/v1/runs', { repository: target.repository.name, ref, answers });
    const ways: Way[] = [];
    for (const [way, answer] of commandsAsAnswers) {
      const asked = await start({ WHERE: answer }).catch((error: unknown) => String(error));
      if (typeof asked === 'string') {
        ways.push({ way, held: / answered 4\d\d: /.test(asked), answer: 'refused' });
        continue;
      }
      const { id } = Started.parse(asked);
      const run = await runOf(target, id);
      const log = await logOf(target, run, 'attack');
      const held = run.state === 'passed' && log.includes(`said <${answer.split('\n')[0]}`);
      ways.push({
        way,
        held,
        answer: held ? 'said, and not run' : `${run.state}: ${log.slice(-200)}`,
      });
    }
    for (const [way, answers] of [
      ['beyond its range', { WHERE: 'x', HOW_MANY: '4' }],
      ['a number that is none', { WHERE: 'x', HOW_MANY: '1; touch poisoned' }],
      ['a field that is not asked', { WHERE: 'x', LD_PRELOAD: '/tmp/x.so' }],
      ['one that Airlock sets', { WHERE: 'x', CI_COMMIT_BRANCH: 'main' }],
      ['nothing', {}],
    ] as const) {
      const said = await start(answers).then(() => 'started', String);
      ways.push({ way, held: / answered 4\d\d: /.test(said), answer: 'refused' });
    }
    return all(ways);
  },
};

const Started = z.looseObject({ id: z.string() });

export const memberDrills: readonly Drill[] = [selfAdmin, formInjection];
