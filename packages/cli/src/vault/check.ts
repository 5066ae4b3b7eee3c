/**
 * Whether a Vault is what the plan says: everything is there and equal, each policy allows what it has to and nothing of a
 * list of what it must not, and a login with a forged JWT is refused.
 */
import { randomUUID, sign, generateKeyPairSync } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { readPathOf } from '@airlock/common/policy/target-credentials';
import { z } from 'zod';
import { compareVaultSetup, readMounts, type ComparedCall } from './compare.ts';
import { answerOf, askVault, refused, type VaultAccess } from './http.ts';
import { manualSteps } from './manual-steps.ts';
import {
  leasePrefixes,
  reaperPolicyName,
  reaperRules,
  targetPolicyName,
  targetRules,
  type Rules,
} from './policies.ts';
import { planVaultSetup, type VaultSetup } from './setup.ts';
import type { VaultTarget } from './targets.ts';

export type Finding = {
  /** For people, such as `policy airlock-reaper`. */
  readonly what: string;
  readonly result: 'ok' | 'warning' | 'fault';
  /** One sentence; with how to mend it unless the result is ok. */
  readonly detail: string;
};

/** @throws VaultSetupError when Vault cannot be reached, or the token may not look. */
export async function checkVaultSetup(access: VaultAccess, setup: VaultSetup): Promise<Finding[]> {
  const compared = await compareVaultSetup(access, planVaultSetup(setup));
  const mounts = await readMounts(access);
  const manual: Finding[] = [];
  for (const { what, look, how } of manualSteps(setup.targets)) {
    const fault = await look(access, mounts['sys/mounts']);
    manual.push(
      fault === null
        ? { what, result: 'ok', detail: 'prepared by hand' }
        : { what, result: 'fault', detail: `${fault}; by hand: ${how.join('; ')}` },
    );
  }
  const isMounted = ({ jwtMount }: VaultTarget): boolean =>
    compared.every(
      ({ call, state }) =>
        call.path !== `sys/auth/${jwtMount}` || (state !== 'absent' && state !== 'conflict'),
    );
  const perTarget: Finding[] = [];
  for (const target of setup.targets) {
    // Its absence is a fault already, and nobody can log in there.
    if (!isMounted(target)) continue;
    perTarget.push(await checkRolesOf(access, target));
    perTarget.push(await checkForgedLogin(access, target, setup.issuer));
  }
  return [
    ...compared.map(foundAs),
    ...manual,
    ...perTarget,
    ...(await checkPolicies(access, setup)),
    await checkAudit(access),
  ];
}

function foundAs({ call, state, differences }: ComparedCall): Finding {
  const { what } = call;
  if (state === 'unchanged') {
    const detail =
      call.secret === undefined ? 'as planned' : 'as planned; Vault does not show its password';
    return { what, result: 'ok', detail };
  }
  if (state === 'absent') {
    return { what, result: 'fault', detail: 'is not there; airlock vault setup --apply makes it' };
  }
  const told = differences.map(
    ({ field, found, wanted }) => `${field} is ${shown(found)}, planned ${shown(wanted)}`,
  );
  return {
    what,
    result: 'fault',
    detail: `${told.join('; ')}; airlock vault setup --apply sets it back`,
  };
}

export function shown(value: unknown): string {
  return value === null || value === undefined ? 'nothing' : JSON.stringify(value);
}

/** Another role at the same mount would admit what the same key signs, on terms of its own. */
async function checkRolesOf(
  access: VaultAccess,
  { jwtMount, jwtRole }: VaultTarget,
): Promise<Finding> {
  const what = `roles of auth/${jwtMount}`;
  const path = `auth/${jwtMount}/role?list=true`;
  const answer = await askVault(access, { method: 'GET', path });
  const Keys = z.object({ data: z.object({ keys: z.array(z.string()) }) });
  const listed = Keys.safeParse(answer.body).data?.data.keys;
  // Without any role it is 404 with no reason; an unknown path is 404 with one, and must not read as "no other role".
  if (listed === undefined && (answer.status !== 404 || answer.reasons.length > 0)) {
    throw refused({ method: 'GET', path }, answer);
  }
  const others = (listed ?? []).filter((role) => role !== jwtRole);
  return others.length === 0
    ? { what, result: 'ok', detail: `${jwtRole} alone` }
    : {
        what,
        result: 'fault',
        detail: `${others.join(', ')} beside ${jwtRole}: whoever made them admits logins on other terms; delete them`,
      };
}

/** All claims as they have to be, signed by a key that was made a moment ago. */
async function checkForgedLogin(
  access: VaultAccess,
  { target, jwtMount, jwtRole }: VaultTarget,
  issuer: string,
): Promise<Finding> {
  const what = `forged login at auth/${jwtMount}`;
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'ES256', typ: 'JWT' })}.${part({
    iss: issuer,
    aud: `vault-prod/${target}`,
    sub: `target:${target}`,
    target,
    purpose: 'delivery',
    approval_state: 'satisfied',
    delivery_id: 'none',
    artifact_digest: 'none',
    jti: randomUUID(),
    iat: now,
    nbf: now,
    exp: now + 20,
  })}`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signature = sign('sha256', Buffer.from(signed), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  const path = `auth/${jwtMount}/login`;
  const answer = await askVault(access, {
    method: 'POST',
    path,
    body: { role: jwtRole, jwt: `${signed}.${signature.toString('base64url')}` },
    isAnonymous: true,
  });
  const reason = answer.reasons.join('; ');
  // OpenBao says no more than this to a login that fails.
  const isRefused =
    (answer.status === 400 && /signature|validat|verif/.test(reason)) || answer.status === 403;
  if (isRefused) return { what, result: 'ok', detail: `refused: ${reason}` };
  if (answer.status !== 200) {
    return {
      what,
      result: 'fault',
      detail: `Vault answered ${answer.status} (${reason}) and not that the signature is wrong; mend the mount and its role first`,
    };
  }
  const Login = z.object({ auth: z.object({ accessor: z.string() }) });
  const accessor = Login.safeParse(answer.body).data?.auth.accessor;
  if (accessor !== undefined) await revoke(access, accessor);
  return {
    what,
    result: 'fault',
    detail: `a JWT that nobody of ours signed logs in; airlock vault setup --apply sets auth/${jwtMount}/config back; find out who changed it`,
  };
}

async function checkPolicies(access: VaultAccess, setup: VaultSetup): Promise<Finding[]> {
  const { targets, reaper } = setup;
  const reaped = [...targets, ...(setup.otherTargets ?? [])];
  const findings: Finding[] = [];
  for (const target of targets) {
    const others = reaped.filter((other) => other !== target);
    findings.push(
      await checkPolicy(access, {
        name: targetPolicyName(target),
        rules: targetRules(target),
        mustNot: [
          ...others.flatMap(({ reads }) => reads.map(readPathOf)),
          ...others.flatMap(({ jwtMount, jwtRole }) => `auth/${jwtMount}/role/${jwtRole}`),
          `auth/${target.jwtMount}/config`,
          `auth/${target.jwtMount}/role/${target.jwtRole}`,
          ...engineSettings(target),
          `sys/policies/acl/${targetPolicyName(target)}`,
          'auth/token/lookup-self',
          'auth/token/renew-self',
          'auth/token/lookup-accessor',
          'auth/token/revoke-accessor',
          ...everybodys,
        ],
      }),
    );
  }
  findings.push(
    await checkPolicy(access, {
      name: reaperPolicyName(reaper.roleName),
      rules: reaperRules(reaped),
      mustNot: [
        ...reaped.flatMap(({ reads }) => reads.map(readPathOf)),
        ...reaped.flatMap(engineSettings),
        ...reaped.flatMap(({ jwtMount, jwtRole }) => [
          `auth/${jwtMount}/config`,
          `auth/${jwtMount}/role/${jwtRole}`,
          `sys/leases/revoke-prefix/auth/${jwtMount}`,
        ]),
        ...targets
          .flatMap(leasePrefixes)
          .flatMap((prefix) => [
            `sys/leases/revoke-force/${prefix}`,
            `sys/leases/revoke-prefix/${prefix.split('/')[0] ?? ''}`,
          ]),
        `auth/approle/role/${reaper.roleName}/secret-id`,
        `sys/policies/acl/${reaperPolicyName(reaper.roleName)}`,
        'auth/token/lookup-accessor',
        ...everybodys,
      ],
    }),
  );
  return findings;
}

const everybodys = [
  'auth/token/create',
  'auth/token/create-orphan',
  'sys/leases/renew',
  'sys/leases/lookup',
  'sys/mounts',
  'sys/auth',
  'sys/audit',
  'sys/raw/core',
  'identity/entity',
];

/** Where it is said what a credential of the target is. */
function engineSettings({ reads }: VaultTarget): string[] {
  return reads.flatMap((read) => {
    if (read.kind === 'kv') return [`${read.mount}/metadata/${read.path}`];
    const { mount, role } = read;
    return [
      `${mount}/roles/${role}`,
      ...(read.kind === 'database' ? [`${mount}/config/${role}`] : []),
    ];
  });
}

/** Asked of a token that has the policy for a moment, so that Vault judges and not our reading of its text. */
async function checkPolicy(
  access: VaultAccess,
  { name, rules, mustNot }: { name: string; rules: Rules; mustNot: readonly string[] },
): Promise<Finding> {
  const what = `what ${name} allows`;
  const Auth = z.object({ auth: z.object({ accessor: z.string() }) });
  const { auth } = await answerOf(
    access,
    {
      method: 'POST',
      path: 'auth/token/create',
      body: {
        policies: [name],
        no_default_policy: true,
        no_parent: true,
        renewable: false,
        ttl: '60s',
        explicit_max_ttl: '60s',
        display_name: 'airlock-vault-check',
      },
    },
    Auth,
  );
  try {
    const forbidden = [...new Set(mustNot)].filter((path) => rules[path] === undefined);
    const { data } = await answerOf(
      access,
      {
        method: 'POST',
        path: 'sys/capabilities-accessor',
        body: { accessor: auth.accessor, paths: [...Object.keys(rules), ...forbidden] },
      },
      z.object({ data: z.record(z.string(), z.array(z.string())) }),
    );
    const faults = [
      ...Object.entries(rules).map(([path, wanted]) => ({ path, wanted })),
      ...forbidden.map((path) => ({ path, wanted: ['deny'] })),
    ].flatMap(({ path, wanted }) => {
      const found = data[path] ?? [];
      return isDeepStrictEqual([...found].sort(), [...wanted].sort())
        ? []
        : [`${path}: ${found.join(', ') || 'nothing'}, planned ${wanted.join(', ')}`];
    });
    return faults.length === 0
      ? {
          what,
          result: 'ok',
          detail: `${Object.keys(rules).length} paths allowed, ${forbidden.length} tried and denied`,
        }
      : {
          what,
          result: 'fault',
          detail: `${faults.join('; ')}; airlock vault setup --apply writes the policy anew`,
        };
  } finally {
    await revoke(access, auth.accessor);
  }
}

async function revoke(access: VaultAccess, accessor: string): Promise<void> {
  const path = 'auth/token/revoke-accessor';
  const answer = await askVault(access, { method: 'POST', path, body: { accessor } });
  if (answer.status >= 300) throw refused({ method: 'POST', path }, answer);
}

async function checkAudit(access: VaultAccess): Promise<Finding> {
  const what = 'audit log';
  const answer = await askVault(access, { method: 'GET', path: 'sys/audit' });
  const devices = z.object({ data: z.record(z.string(), z.unknown()) }).safeParse(answer.body);
  if (answer.status !== 200 || !devices.success) {
    const detail = 'cannot be looked at with this token; make sure that an audit device is on';
    return { what, result: 'warning', detail };
  }
  return Object.keys(devices.data.data).length > 0
    ? { what, result: 'ok', detail: `written to ${Object.keys(devices.data.data).join(', ')}` }
    : {
        what,
        result: 'warning',
        detail:
          'no audit device is on, so that airlock audit vault has nothing to compare the ledger with; turn one on',
      };
}
