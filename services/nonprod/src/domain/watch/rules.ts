/** What builds that are misused look like: in their log, and by whom they ask for. A quiet attacker is seen by none of it. */
import type { EgressReport } from '@airlock/common/wire/isolation';
import type { StepReport } from '@airlock/common/wire/runner-protocol';
import type { Flag } from './flag.ts';

/** What is read of a line, in characters; every expression below takes time in proportion to it. */
export const readOfLine = 2048;
/** Refused hosts of one job beyond which it looks around rather than errs. */
const mostRefusedHosts = 20;
/** Lines by which tools of one step say that the sandbox refused them, beyond which it tries ways out rather than errs. */
const mostRefusedLines = 20;
/** What a shell's exit code says of a program that the sandbox's filter of system calls ended: 128 and SIGSYS. */
const endedByFilter = 128 + 31;

interface LineRule {
  readonly rule: string;
  readonly what: string;
  readonly expressions: readonly RegExp[];
  /** Up to so many lines of a step it is only unusual. Default 0. */
  readonly unusualUpTo?: number;
}

const lineRules: readonly LineRule[] = [
  {
    rule: 'miner',
    what: 'speaks as a miner of coins does',
    expressions: [
      /\bstratum\d?\+(?:tcp|ssl|tls):\/\//i,
      /"method"\s{0,4}:\s{0,4}"mining\.(?:subscribe|authorize|submit)"/,
      /\b(?:speed|hashrate|accepted)\b.{0,80}\d\s?[kMGT]?H\/s\b/i,
      /\bRandomX\b.{0,40}\b(?:dataset|init)/i,
    ],
  },
  {
    rule: 'reverse-shell',
    what: 'hands a shell to the network',
    expressions: [
      /\b(?:ba|z|k)?sh\s{1,4}-i\s{0,4}[>&]{1,2}\s{0,4}\/dev\/(?:tcp|udp)\//,
      /\b(?:nc|ncat|netcat)\b.{0,60}\s-[ec]\s{1,4}\S{0,40}sh\b/,
      /\bsocat\b.{0,80}\bexec:\S{0,40}sh\b/i,
    ],
  },
  {
    rule: 'escape-attempt',
    what: 'tries what leads out of containers',
    expressions: [
      /\bnsenter\b.{0,40}(?:-t|--target)[ =]1\b/,
      /\/release_agent\b/,
      /\/proc\/sys\/kernel\/core_pattern\b/,
    ],
  },
  {
    // As shells, make, Go and Python say it of a program that they started.
    rule: 'refused-call',
    what: 'started a program that its sandbox ended for a system call',
    expressions: [
      /^(?:[^:]{1,200}: line \d{1,9}: {1,9}\d{1,9} )?Bad system call\b/,
      /^make(?:\[\d{1,3}\])?: \*\*\* .{0,200}\bBad system call\b/,
      /\bsignal: bad system call\b/,
      /\bdied with <Signals\.SIGSYS\b/,
    ],
  },
  {
    rule: 'refused-by-sandbox',
    what: 'tried what its sandbox refuses',
    expressions: [
      /^(?:unshare|nsenter|u?mount|pivot_root|chroot|swapon|insmod|modprobe|strace|bwrap|bpftool|dmesg|date|sysctl): .{0,200}(?:operation not permitted|permission denied|no permissions|must be superuser)/i,
    ],
    unusualUpTo: mostRefusedLines,
  },
];

interface HostRule {
  readonly rule: string;
  readonly what: string;
  /** Names with everything below them, or addresses. */
  readonly hosts: readonly string[];
}

const hostRules: readonly HostRule[] = [
  {
    rule: 'miner',
    what: 'a pool of miners',
    hosts: [
      ...['nanopool.org', 'supportxmr.com', 'minexmr.com', 'moneroocean.stream', 'hashvault.pro'],
      ...['nicehash.com', '2miners.com', 'f2pool.com', 'herominers.com', 'c3pool.com'],
    ],
  },
  {
    rule: 'metadata-address',
    what: 'where clouds hand out a machine’s credentials',
    hosts: ['169.254.169.254', 'fd00:ec2::254', 'metadata.google.internal', '100.100.100.200'],
  },
  {
    rule: 'drop-site',
    what: 'where anybody may leave things for anybody',
    hosts: [
      ...['webhook.site', 'requestbin.com', 'pipedream.net', 'transfer.sh', 'pastebin.com'],
      ...['oast.fun', 'oast.site', 'oast.live', 'oast.pro', 'oast.me', 'interact.sh'],
      ...['ngrok.io', 'ngrok-free.app', 'trycloudflare.com'],
    ],
  },
];

export interface SeenLine {
  /** 1 or more. */
  readonly n: number;
  readonly text: string;
}

/**
 * Looks at lines as they come; each rule says where it was met first and last in a step, and how often.
 *
 * @param plain a line without what colours it and moves a terminal's cursor: a word may be coloured letter by letter.
 */
export function createLineRules(
  step: string,
  plain: (text: string) => string,
): {
  see(lines: readonly SeenLine[]): void;
  flags(): readonly Flag[];
} {
  const met = new Map<LineRule, { from: number; to: number; count: number }>();
  return {
    see(lines) {
      for (const { n, text } of lines) {
        const shown = plain(text.slice(0, readOfLine));
        for (const rule of lineRules) {
          if (!rule.expressions.some((expression) => expression.test(shown))) continue;
          const before = met.get(rule);
          if (before === undefined) met.set(rule, { from: n, to: n, count: 1 });
          else met.set(rule, { ...before, to: n, count: before.count + 1 });
        }
      }
    },
    flags: () =>
      [...met].map(([{ rule, what, unusualUpTo = 0 }, { from, to, count }]) => ({
        kind: count > unusualUpTo ? 'suspicious' : 'unusual',
        rule,
        text: `Step ${step} ${what}: ${count === 1 ? `line ${from}` : `${count} lines, ${from} to ${to}`} of its log.`,
        lines: { step, from, to },
      })),
  };
}

/** Steps whose last program the sandbox ended; of a program in between only the log may tell. */
export function endFlags(steps: readonly Pick<StepReport, 'name' | 'exitCode'>[]): readonly Flag[] {
  return steps
    .filter(({ exitCode }) => exitCode === endedByFilter)
    .map(({ name }) => ({
      ...{ kind: 'suspicious', rule: 'refused-call', lines: null },
      text: `Step ${name} was ended by its sandbox for a system call (SIGSYS): it is a program of another architecture, or it tries the kernel.`,
    }));
}

export function egressFlags(egress: EgressReport | null): readonly Flag[] {
  if (egress === null) return [];
  const refused = egress.hosts.filter((each) => each.refused > 0);
  const scan: Flag[] =
    refused.length > mostRefusedHosts
      ? [
          {
            ...{ kind: 'suspicious', rule: 'looks-around', lines: null },
            text: `It asked for ${refused.length} hosts that it may not reach; ${mostRefusedHosts} are what a mistake comes to at most.`,
          },
        ]
      : [];
  return [
    ...hostRules.flatMap(({ rule, what, hosts }) =>
      egress.hosts
        .filter(({ host }) => hosts.some((each) => host === each || host.endsWith(`.${each}`)))
        .map(({ host, allowed, refused: no }): Flag => ({
          ...{ kind: 'suspicious', rule, lines: null },
          text: `It asked for ${host}, ${what}: ${allowed} times let through, ${no} times refused.`,
        })),
    ),
    ...scan,
  ];
}
