/**
 * Runs an observe hook: the pinned directory in the sandbox, with the target's params and those of its ways out at which nobody
 * logs in. There is no artifact, no descriptor and no credential, so that nothing which lives between deliveries can be taken
 * from it.
 */
import { AirlockError } from '@airlock/common/errors';
import { egressWithoutCredential, observeNeedFaults } from '@airlock/process/hook-needs';
import { SandboxError } from '@airlock/sandbox/errors';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObserveHooks, ObserveRequest } from '../../app/observation-ports.ts';
import type { Look } from '../../domain/observation.ts';
import { describeEgress, openEgress } from './egress/open.ts';
import { HookError } from './errors.ts';
import { checkHookParams } from './manifest.ts';
import { parseObservation } from './observation-result.ts';
import { copyPinnedHook, parsePinnedHook } from './registry.ts';
import { readResultText } from './result.ts';
import type { HookRunnerOptions } from './run-hook.ts';
import {
  commonEnvironment,
  egressFile,
  egressPath,
  fileLimits,
  nodePath,
  outPath,
  paramsPath,
  realNode,
} from './surroundings.ts';

/** Of what it says, for the reason of a look that failed. */
const keptCharacters = 300;
const mostOfReason = 800;

type Options = Omit<HookRunnerOptions, 'artifacts'>;

export function createObserveHooks(options: Options): ObserveHooks {
  return {
    async look(request) {
      try {
        return await lookOnce(options, request);
      } catch (cause) {
        // Whatever kept it from being run, the target was not seen, and people have to be able to read why.
        const fault = hostFault(cause);
        if (fault !== null) {
          const reason = `this host cannot run the hook: ${fault}; see to the host of gate-deliverer`;
          return { reason: inOneLine(reason, mostOfReason), byHost: true };
        }
        if (!(cause instanceof AirlockError)) throw cause;
        return { reason: inOneLine(`${cause.code}: ${cause.message}`, mostOfReason) };
      }
    },
  };
}

async function lookOnce(options: Options, request: ObserveRequest): Promise<Look> {
  await mkdir(options.workDirectory, { recursive: true, mode: 0o700 });
  const directory = await mkdtemp(join(options.workDirectory, `${request.id}-`));
  try {
    return await lookIn(directory, options, request);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** In words what the system refused this process, such as room on the disk or a further process; null for anything else. */
function hostFault(cause: unknown): string | null {
  if (cause instanceof SandboxError) {
    return cause.code === 'sandbox-options-refused' ? null : cause.message;
  }
  if (cause instanceof HookError) {
    if (cause.code === 'hook-sandbox') return cause.message;
    return cause.code === 'hook-egress' ? hostFault(cause.cause) : null;
  }
  const isOfSystem = cause instanceof Error && 'syscall' in cause && 'errno' in cause;
  return isOfSystem ? cause.message : null;
}

async function lookIn(
  directory: string,
  { hooksDirectory, nodeBinary, executor }: Options,
  request: ObserveRequest,
): Promise<Look> {
  const at = (name: string): string => join(directory, name);
  const manifest = await copyPinnedHook({
    hooksDirectory,
    pinned: parsePinnedHook(request.hook),
    into: at('hook'),
  });
  checkHookParams(manifest, request.params, 'observe');
  const faults = observeNeedFaults(manifest, request);
  if (faults.length > 0) {
    throw new HookError('hook-needs', `hook ${manifest.name}: ${faults.join('; ')}`);
  }
  await writeFile(at('params.json'), JSON.stringify(request.params), { flag: 'wx' });
  await chmod(at('params.json'), 0o444);
  await mkdir(at('out'));
  await chmod(at('out'), 0o700);
  const node = await realNode(nodeBinary);

  const said = lastWords();
  const egresses = egressWithoutCredential(request.egress);
  const egress = await openEgress({
    ...{ directory: at('egress'), egresses, credentials: [] },
    say: said.gate,
    mask: (text) => text,
  });
  try {
    const end = await executor.run((place) => ({
      command: [place('/hook/run')],
      env: environment(request, place),
      binds: [
        { source: at('hook'), target: '/hook' },
        { source: at('params.json'), target: paramsPath },
        { source: at('out'), target: outPath, writable: true },
        { source: node, target: nodePath },
        { source: at('egress'), target: egressPath },
      ],
      files: [
        { target: egressFile, content: Buffer.from(describeEgress(egresses, place(egressPath))) },
      ],
      workingDirectory: place(outPath),
      hostname: 'hook',
      limits: { wallSeconds: request.limitSeconds, ...fileLimits },
      onOutput: said.push,
      signal: request.signal,
    }));
    if (end.outcome === 'exited' && end.exitCode === 0) {
      return { running: parseObservation(await readResultText(at('out'))) };
    }
    const how =
      end.outcome === 'timed-out'
        ? `was stopped at its limit of ${request.limitSeconds} s`
        : end.outcome === 'exited'
          ? `ended with ${end.exitCode ?? 'no code'}`
          : `was ended by ${end.signal ?? 'the gate'}`;
    return {
      reason: `the hook ${manifest.name} ${how}${said.text()}; see to what it asks, or correct it and pin its new digest`,
    };
  } finally {
    await egress.close();
  }
}

function environment(
  { live }: ObserveRequest,
  place: (path: string) => string,
): Record<string, string> {
  return {
    ...commonEnvironment(place),
    AIRLOCK_STAGE: 'observe',
    AIRLOCK_TARGET: live.target,
    AIRLOCK_DELIVERY: live.deliveryId,
    AIRLOCK_PROMOTION: live.promotionId,
    AIRLOCK_RELEASE: live.release,
    AIRLOCK_COMMIT: live.commit,
    AIRLOCK_ARTIFACT_SHA256: live.artifactDigest,
  };
}

/** What the gate refused it last, or else the end of its last line. */
function lastWords() {
  let tail = '';
  let refused: string | null = null;
  return {
    gate: (line: string): void => {
      refused = line;
    },
    push: (_stream: 'stdout' | 'stderr', chunk: Buffer): void => {
      tail = (tail + chunk.toString('utf8')).slice(-4 * keptCharacters);
    },
    text: (): string => {
      const line = tail.trim().split('\n').at(-1) ?? '';
      const words = inOneLine(refused ?? line, keptCharacters);
      return words === '' ? '' : ` (${words})`;
    },
  };
}

/** Nobody's terminal or page is to be moved by what a hook says. */
function inOneLine(text: string, characters: number): string {
  return text
    .replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, characters);
}
