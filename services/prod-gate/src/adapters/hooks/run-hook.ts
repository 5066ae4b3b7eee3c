/**
 * Runs an approved hook on an approved artifact, in the sandbox, with what its target gives it.
 *
 * The hook contract: $AIRLOCK_ARTIFACT is the artifact and $AIRLOCK_PARAMS the params as JSON (both read-only), $AIRLOCK_OUT
 * a writable directory for result.json, $AIRLOCK_EGRESS a JSON file that says which sockets lead where, $AIRLOCK_CREDENTIAL_FD
 * the descriptor of the credentials that the hook itself needs, as JSON. The other AIRLOCK_ variables say what is delivered;
 * beside them there are PATH, HOME and LANG only, and there is no network. A hook takes every path from there, because only
 * the sandbox has them as they are here. The exit code says how it went: 0 done, 75 later, else failed.
 */
import type { HookKind } from '@airlock/common/hook/kind';
import { SandboxError } from '@airlock/sandbox/errors';
import { runSandboxed, type SandboxOptions, type SandboxResult } from '@airlock/sandbox/bubblewrap';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  HookEnd,
  HookOutput,
  HookPreparer,
  HookRequest,
  HookStage,
  PreparedHook,
} from '../../app/delivery-ports.ts';
import {
  copyApprovedArtifact,
  type ApprovedCopy,
  type VerifiedArtifacts,
} from './artifact-copy.ts';
import { descriptorOf, secretsOf } from './descriptor.ts';
import { describeEgress, openEgress } from './egress/open.ts';
import { HookError } from './errors.ts';
import { checkHookParams } from './manifest.ts';
import { createMask, type Mask } from './mask.ts';
import { readsOnDescriptor } from '@airlock/process/hook-needs';
import { checkNeeds } from './needs.ts';
import { copyPinnedHook, parsePinnedHook } from './registry.ts';
import { readHookResult, type HookResult } from './result.ts';
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

/** Where the hook finds its credentials; part of the hook contract. */
const credentialDescriptor = 10;

// A log is read by people: beyond this it is an accident, and it must not fill the database.
const maxOutputBytes = 4 * 1024 * 1024;

// Not `sandbox-setup-failed`: it is also said of a sandbox that could not be seen to end.
const neverStarted: ReadonlySet<string> = new Set([
  'sandbox-unavailable',
  'sandbox-options-refused',
]);

/** What a prepared hook runs in. */
export type HookExecutor = {
  isolation: 'bubblewrap' | 'none';
  /** @param options is told where the hook will see a path of the sandbox. */
  run(options: (place: (path: string) => string) => SandboxOptions): Promise<SandboxResult>;
};

export const bubblewrapExecutor: HookExecutor = {
  isolation: 'bubblewrap',
  run: (options) => runSandboxed(options((path) => path)),
};

export type HookRunnerOptions = {
  hooksDirectory: string;
  /** Private copies live here while a hook runs; 0700, made when missing. */
  workDirectory: string;
  /** Absolute path of the Node binary that hooks find at /opt/node/bin/node. */
  nodeBinary: string;
  artifacts: VerifiedArtifacts;
  executor: HookExecutor;
};

export function createHookPreparer(options: HookRunnerOptions): HookPreparer {
  return {
    isolation: options.executor.isolation,
    async prepare(request) {
      await mkdir(options.workDirectory, { recursive: true, mode: 0o700 });
      const node = await realNode(options.nodeBinary);
      const directory = await mkdtemp(join(options.workDirectory, `${request.facts.deliveryId}-`));
      let copy: ApprovedCopy | null = null;
      const dispose = async (): Promise<void> => {
        await copy?.close();
        await rm(directory, { recursive: true, force: true });
      };
      try {
        const manifest = await copyPinnedHook({
          hooksDirectory: options.hooksDirectory,
          pinned: parsePinnedHook(request.hook),
          into: join(directory, 'hook'),
        });
        checkHookParams(manifest, request.params);
        checkNeeds(manifest, request);
        copy = await copyApprovedArtifact({
          artifacts: options.artifacts,
          sha256: request.artifact.sha256,
          into: join(directory, 'artifact'),
        });
        const params = join(directory, 'params.json');
        await writeFile(params, JSON.stringify(request.params), { flag: 'wx' });
        await chmod(params, 0o444);
        const { kind } = manifest;
        return preparedHook({ ...options, request, directory, node, copy, kind, dispose });
      } catch (cause) {
        await dispose();
        throw cause;
      }
    },
  };
}

/** Deletes the private copies that a killed deliverer left; to be called before the first delivery of a process. */
export async function clearWorkDirectory(workDirectory: string): Promise<void> {
  await mkdir(workDirectory, { recursive: true, mode: 0o700 });
  for (const name of await readdir(workDirectory)) {
    // Only what was made here, whatever directory the configuration names.
    if (!/^(?:dlv|obs)_[0-9a-z]{10}-[A-Za-z0-9]{6}$/.test(name)) continue;
    await rm(join(workDirectory, name), { recursive: true, force: true });
  }
}

function preparedHook(
  context: HookRunnerOptions & {
    request: HookRequest;
    directory: string;
    node: string;
    copy: ApprovedCopy;
    kind: HookKind;
    dispose: () => Promise<void>;
  },
): PreparedHook {
  const { request, directory } = context;
  let runs = 0;
  return {
    kind: context.kind,
    dispose: context.dispose,
    async run({ stage, credentials, limitSeconds, signal, asking, output }) {
      await context.copy.assertUntouched();
      runs += 1;
      // A run that leaves no result must not be told by the one before it.
      const out = join(directory, `out${runs}`);
      await mkdir(out);
      await chmod(out, 0o700);
      // Also those that the hook never sees: what it talks to may echo them.
      const mask = createMask(credentials.flatMap(secretsOf));
      const egressDirectory = join(directory, `egress${runs}`);
      const egress = await openEgress({
        directory: egressDirectory,
        egresses: request.egress,
        credentials,
        say: (line) => {
          output('gate', mask.text(line));
        },
        mask: mask.text,
      });
      const lines = maskedLines(mask, output);
      const descriptor = descriptorOf(readsOnDescriptor(credentials, request.egress));
      try {
        const end = await context.executor.run((place) => ({
          command: [place('/hook/run')],
          env: hookEnvironment(request, stage, place),
          binds: [
            { source: join(directory, 'hook'), target: '/hook' },
            { source: join(directory, 'artifact'), target: artifactPath(request) },
            { source: join(directory, 'params.json'), target: paramsPath },
            { source: out, target: outPath, writable: true },
            { source: context.node, target: nodePath },
            { source: egressDirectory, target: egressPath },
          ],
          files: [
            {
              target: egressFile,
              content: Buffer.from(describeEgress(request.egress, place(egressPath))),
            },
          ],
          inheritFds: [{ fd: credentialDescriptor, source: descriptor }],
          workingDirectory: place(outPath),
          hostname: 'hook',
          limits: { wallSeconds: limitSeconds, ...fileLimits },
          onOutput: lines.push,
          signal,
          cancelled: asking,
        }));
        lines.end();
        const touched = await touchedSince(context.copy);
        if (touched !== null) return { exit: null, summary: touched, result: null };
        return await hookEnd(end, limitSeconds, out, mask);
      } catch (cause) {
        if (!(cause instanceof SandboxError) || !neverStarted.has(cause.code)) throw cause;
        throw new HookError('hook-sandbox', cause.message, { cause });
      } finally {
        await egress.close();
        // Its memory goes back to a pool that nobody wipes.
        descriptor.fill(0);
      }
    },
  };
}

/** What the hook did with other bytes than the approved ones is for a person to find out. */
async function touchedSince(copy: ApprovedCopy): Promise<string | null> {
  try {
    await copy.assertUntouched();
    return null;
  } catch (error) {
    if (!(error instanceof HookError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

function artifactPath(request: HookRequest): string {
  return `/artifact/${request.artifact.name}`;
}

function hookEnvironment(
  request: HookRequest,
  { name, wave }: HookStage,
  place: (path: string) => string,
): Record<string, string> {
  const { facts } = request;
  return {
    ...commonEnvironment(place),
    AIRLOCK_ARTIFACT: place(artifactPath(request)),
    AIRLOCK_ARTIFACT_SHA256: request.artifact.sha256,
    AIRLOCK_CREDENTIAL_FD: String(credentialDescriptor),
    AIRLOCK_DELIVERY: facts.deliveryId,
    AIRLOCK_FENCE: String(facts.fence),
    AIRLOCK_PROMOTION: facts.promotionId,
    AIRLOCK_PROMOTION_DIGEST: facts.promotionDigest,
    AIRLOCK_TARGET: facts.target,
    AIRLOCK_RELEASE: facts.release,
    AIRLOCK_COMMIT: facts.commit,
    ...(facts.returns === null
      ? {}
      : {
          AIRLOCK_RETURN: JSON.stringify({
            delivery: facts.returns.delivery,
            migrations: facts.returns.migrations,
          }),
        }),
    AIRLOCK_STAGE: name,
    ...(wave === null
      ? {}
      : {
          AIRLOCK_WAVE: String(wave.number),
          AIRLOCK_WAVES: String(wave.of),
          AIRLOCK_WAVE_SHARE: wave.share,
        }),
  };
}

async function hookEnd(
  end: SandboxResult,
  limitSeconds: number,
  outDirectory: string,
  mask: Mask,
): Promise<HookEnd> {
  const seconds = (end.durationMs / 1000).toFixed(1);
  switch (end.outcome) {
    case 'timed-out':
      return {
        exit: null,
        summary: `the hook was stopped at its limit of ${limitSeconds} s`,
        result: null,
      };
    case 'cancelled':
      return { exit: null, summary: `the hook was stopped after ${seconds} s`, result: null };
    case 'signalled':
      return {
        exit: null,
        summary: `the hook was ended by ${end.signal ?? 'a signal'} after ${seconds} s`,
        result: null,
      };
    case 'exited':
      break;
  }
  const summary = `the hook ended with ${end.exitCode ?? 'no code'} after ${seconds} s`;
  if (end.exitCode !== 0) return { exit: end.exitCode, summary, result: null };
  try {
    const result: HookResult = await readHookResult(outDirectory, mask);
    return { exit: 0, summary, result };
  } catch (error) {
    if (!(error instanceof HookError)) throw error;
    // It says that it is done and did not keep the contract: what it did is for a person to find out.
    return { exit: null, summary: `${summary}, but ${error.message}`, result: null };
  }
}

function maskedLines(
  mask: Mask,
  output: HookOutput,
): { push: (stream: 'stdout' | 'stderr', chunk: Buffer) => void; end: () => void } {
  const maskers = { stdout: mask.lines(), stderr: mask.lines() };
  let bytes = 0;
  return {
    push(stream, chunk) {
      const before = bytes;
      bytes += chunk.length;
      if (before >= maxOutputBytes) return;
      for (const line of maskers[stream].push(chunk)) output(stream, line);
      if (bytes >= maxOutputBytes) {
        output('gate', `output beyond ${maxOutputBytes} bytes is not kept`);
      }
    },
    end() {
      if (bytes >= maxOutputBytes) return;
      for (const stream of ['stdout', 'stderr'] as const) {
        for (const line of maskers[stream].end()) output(stream, line);
      }
    },
  };
}
