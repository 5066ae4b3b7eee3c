/** Who may do what: from the token in a request to the policies behind it. */
import { BlockList, isIPv6 } from 'node:net';
import { z } from 'zod';
import { type Policy, type Wish, capabilitiesOn, isAllowed } from './acl.ts';
import {
  ApiFailure,
  type Reply,
  TextList,
  answer,
  multierror,
  readBody,
  unsupportedOperation,
} from './api.ts';
import type { Backend } from './backend.ts';
import type { Profile } from './profile.ts';
import type { PolicyTable } from './system.ts';
import type { Token, Tokens } from './tokens.ts';

export type Admission = {
  token: Token | null;
  /** Why not; null when the request may go on. */
  denial: ApiFailure | null;
  /** The token's last use: it has to be revoked when the request is done. */
  isLastUse: boolean;
};

const Asked = z.object({
  paths: TextList.optional(),
  path: TextList.optional(),
  token: z.string().default(''),
  accessor: z.string().default(''),
});

export function createAccess({
  tokens,
  policies,
  profile,
}: {
  tokens: Tokens;
  policies: PolicyTable;
  profile: Profile;
}) {
  const isRoot = (token: Token) => token.policies.includes('root');
  const granted = (token: Token): readonly Policy[] =>
    token.policies.flatMap((name) => policies.get(name)?.policy ?? []);

  function refused(status: number, error: string): Admission {
    return { token: null, denial: new ApiFailure(status, error), isLastUse: false };
  }

  /** Finds the token, counts the use and asks the policies, in this order: a denied request is a use as well. */
  function admit(tokenId: string, address: string, wish: Wish): Admission {
    if (tokenId === '') return refused(profile.missingToken.status, profile.missingToken.error);
    const token = tokens.find(tokenId);
    if (token === undefined || !isWithin(address, token.boundCidrs)) {
      return refused(403, 'permission denied');
    }
    const isLastUse = tokens.use(token);
    const mayDoIt = isRoot(token) || isAllowed(granted(token), wish);
    const denial = mayDoIt ? null : new ApiFailure(403, multierror('permission denied'));
    return { token, denial, isLastUse };
  }

  function capabilitiesCall(token: Token, paths: readonly string[]): Reply {
    const data = Object.fromEntries(
      paths.map((path) => [path, isRoot(token) ? ['root'] : capabilitiesOn(granted(token), path)]),
    );
    const [only] = paths;
    const short = paths.length === 1 && only !== undefined ? { capabilities: data[only] } : {};
    const reply = answer({ data: { ...short, ...data } });
    // An older form of the same answer, which every server still gives beside the newer one.
    return { ...reply, body: { ...short, ...data, ...z.looseObject({}).parse(reply.body) } };
  }

  /** `sys/capabilities`, `-self` and `-accessor`. */
  const capabilities: Backend = ({ operation, path, body, token }) => {
    if (operation !== 'update') throw unsupportedOperation();
    const asked = readBody(Asked, body);
    const paths = asked.paths ?? asked.path ?? [];
    if (paths.length === 0) throw new ApiFailure(400, 'paths must be supplied');
    const whose: Record<string, Token | null | undefined> = {
      'capabilities-self': token,
      'capabilities-accessor': tokens.findByAccessor(asked.accessor),
      capabilities: tokens.find(asked.token),
    };
    const found = whose[path];
    if (found === null || found === undefined) {
      throw new ApiFailure(
        400,
        path === 'capabilities-accessor' ? multierror('invalid accessor') : 'invalid token',
      );
    }
    return capabilitiesCall(found, paths);
  };

  return {
    admit,
    capabilities,
    hasSudo: (token: Token, path: string) =>
      isRoot(token) || capabilitiesOn(granted(token), path).includes('sudo'),
  };
}

/** Whether the address lies in one of the networks; with none given, every address does. */
function isWithin(address: string, cidrs: readonly string[]): boolean {
  if (cidrs.length === 0) return true;
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', length] = cidr.split('/');
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    list.addSubnet(network, Number(length ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
