/** Whether somebody who tries addresses without a session learns which of them are there. */
import type { Drill } from './drill.ts';
import { knock, type Heard } from './knock.ts';
import { ourPaths, scanPaths } from './scan-paths.ts';

interface Knocking {
  readonly method: string;
  readonly accept: string;
  readonly paths: readonly string[];
}

const [program, browser] = ['*/*', 'text/html,application/xhtml+xml'];
const knockings: readonly Knocking[] = [
  { method: 'GET', accept: program, paths: scanPaths },
  { method: 'GET', accept: browser, paths: scanPaths },
  // Some servers tell by Allow, by a length or by a parser what is there.
  ...['HEAD', 'OPTIONS', 'POST', 'DELETE'].map((method) => ({
    ...{ method, accept: program, paths: ourPaths },
  })),
];
const atOnce = 16;

/** What is left of an answer without what differs between any two: its time, its id, and the address that was asked for. */
function shapeOf({ status, headers, text }: Heard, path: string): string {
  const others = { ...headers, date: undefined, location: undefined };
  const to = String(headers['location'] ?? '')
    .replace(`returnTo=${encodeURIComponent(path)}`, 'returnTo=')
    .replace('returnTo=%2F', 'returnTo=');
  return JSON.stringify([
    ...[status, to, others],
    text.replace(/"requestId":"req_[0-9a-f-]{36}"/, ''),
  ]);
}

const isClosed = ({ status, headers }: Heard): boolean =>
  status === 401 ||
  (status === 303 && headers['location']?.toString().startsWith('/auth/sign-in?') === true);

export const scan: Drill = {
  id: 'scan',
  controls: ['J14', 'V4'],
  attacker: 'outsider',
  attack:
    'asks both sites, without a session, for 500 addresses that scanners try and for those that are there, and looks for an answer that differs',
  async run({ nonprod, gate }) {
    const differing: string[] = [];
    let answers = 0;
    for (const origin of [nonprod, gate]) {
      for (const { method, accept, paths } of knockings) {
        const ask = (path: string): Promise<Heard> =>
          knock(origin, { method, path, headers: { accept, origin } });
        const nowhere = '/drill-nothing-is-here';
        const usual = await ask(nowhere);
        if (!isClosed(usual)) differing.push(`${method} ${origin}${nowhere}: ${usual.status}`);
        for (let from = 0; from < paths.length; from += atOnce) {
          await Promise.all(
            paths.slice(from, from + atOnce).map(async (path) => {
              const heard = await ask(path);
              answers += 1;
              if (shapeOf(heard, path) !== shapeOf(usual, nowhere))
                differing.push(`${method} ${origin}${path}: ${heard.status}`);
            }),
          );
        }
      }
    }
    const some = differing.slice(0, 8).join(', ');
    const more = differing.length > 8 ? ` and ${differing.length - 8} more` : '';
    return {
      held: differing.length === 0,
      evidence: `${answers} answers to ${scanPaths.length} addresses at two doors, ${differing.length} differ${some === '' ? '' : `: ${some}${more}`}`,
    };
  },
};
