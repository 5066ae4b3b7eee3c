/** The way out of a job's network, where its pool has one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { forwarderPort, startForwarder } from '@airlock/sandbox/egress/forwarder';
import { isListed, parseEgressEntry, type EgressEntry } from '@airlock/sandbox/egress/policy';
import {
  refusalText,
  startEgressProxy,
  type EgressCounts,
  type EgressDecision,
  type Sent,
} from '@airlock/sandbox/egress/proxy';
import type { SandboxNetwork } from '@airlock/sandbox/bubblewrap';
import { mirrorEnvironment, mirrorPlaces, MirrorsConfig, type Mirrors } from './mirrors.ts';

export const EgressConfig = z
  .strictObject({
    allow: z
      .array(
        z.string().transform((text, context): EgressEntry => {
          const entry = parseEgressEntry(text);
          if (entry !== null) return entry;
          context.addIssue(
            'expected name:port, *.name:port or address:port, such as registry.npmjs.org:443',
          );
          return z.NEVER;
        }),
      )
      .min(1)
      .max(1000)
      .describe(
        'Where steps may connect to: name:port, *.name:port (any name below it), or address:port. A listed name that resolves to a private address is refused unless that address is listed, too.',
      ),
    mirrors: MirrorsConfig,
  })
  .superRefine(({ allow, mirrors }, context) => {
    for (const { manager, host, port } of mirrorPlaces(mirrors)) {
      if (isListed(allow, { host, port })) continue;
      const message = `${host}:${port} is not in egress.allow, so that no step reaches this mirror; add it there`;
      context.addIssue({ code: 'custom', path: ['mirrors', manager], message });
    }
  });

export type EgressRules = {
  readonly allow: readonly EgressEntry[];
  readonly mirrors: Mirrors;
  /** A Node binary of this machine, not a link, which carries bytes inside the network. */
  readonly nodeBinary: string;
  readonly onDecision: (decision: EgressDecision) => void;
  /** Shown what goes out. Default: nobody is. */
  readonly onSent?: (to: EgressEntry) => Sent;
  /** Told once for each network, when it is closed. Default: nobody is. */
  readonly onCarried?: (counts: Readonly<EgressCounts>) => void;
};

export type Way = {
  /** For commands that shall know of it. */
  readonly env: Readonly<Record<string, string>>;
  /** One line on what went through it so far; null while nothing was asked for. */
  summary(): string | null;
  close(): Promise<void>;
};

/** @param onRefused one line for whoever reads the build's log. */
export async function openWay(
  rules: EgressRules,
  given: {
    network: SandboxNetwork;
    /** Names that lead to 127.0.0.1 there. */
    names: readonly string[];
    onRefused: (line: string) => void;
  },
): Promise<Way> {
  // 0700: no other account of this machine goes out here.
  const directory = await mkdtemp(join(tmpdir(), 'airlock-egress-'));
  const socketPath = join(directory, 'proxy.sock');
  const proxy = await startEgressProxy({
    socketPath,
    allow: rules.allow,
    ...(rules.onSent === undefined ? {} : { onSent: rules.onSent }),
    onDecision(decision) {
      rules.onDecision(decision);
      const { reason } = decision;
      if (reason !== null) given.onRefused(refusalText(decision, reason));
    },
  });
  const close = async (): Promise<void> => {
    await proxy.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const { nodeBinary } = rules;
    const forwarder = await startForwarder({ network: given.network, socketPath, nodeBinary });
    const address = `http://127.0.0.1:${forwarderPort}`;
    const none = ['localhost', '127.0.0.1', ...given.names].join(',');
    return {
      env: {
        ...{ http_proxy: address, https_proxy: address, no_proxy: none },
        ...{ HTTP_PROXY: address, HTTPS_PROXY: address, NO_PROXY: none },
        // Node's own fetch and http read the others only when told to.
        NODE_USE_ENV_PROXY: '1',
        ...mirrorEnvironment(rules.mirrors),
      },
      summary() {
        const { allowed, refused, bytesIn, bytesOut } = proxy.counts;
        if (allowed + refused === 0) return null;
        return `egress: ${allowed} connections allowed, ${refused} refused, ${bytesIn} bytes in, ${bytesOut} bytes out\n`;
      },
      async close() {
        await forwarder.close();
        await close();
        rules.onCarried?.(proxy.counts);
      },
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}
