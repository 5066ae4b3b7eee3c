/** A hook's manifest as the deliverer reads it: whatever is wrong with it stops the delivery before a credential exists. */
import { parseConfig } from '@airlock/process/config';
import { HookManifest, hookParamFault, type HookParams } from '@airlock/process/hook-manifest';
import { HookError } from './errors.ts';

/** @throws HookError `hook-manifest` with every fault, a line each. */
export function parseHookManifest(text: string, name: string): HookManifest {
  let manifest: HookManifest;
  try {
    manifest = parseConfig(HookManifest, text, `${name}/hook.yaml`);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : 'not readable';
    throw new HookError('hook-manifest', what, { cause });
  }
  if (manifest.name !== name) {
    throw new HookError(
      'hook-manifest',
      `${name}/hook.yaml: name: ${name} expected (the directory's name), found ${manifest.name}`,
    );
  }
  return manifest;
}

/** @throws HookError `hook-params` naming the first param that is unknown, missing or of another type. */
export function checkHookParams(
  manifest: HookManifest,
  params: HookParams,
  /** Of the target file. */
  section = 'deliver',
): void {
  const fault = hookParamFault(manifest, params);
  if (fault === null) return;
  throw new HookError(
    'hook-params',
    `${section}.params.${fault.name}: ${fault.message}; correct the target file (hook ${manifest.name})`,
  );
}
