/**
 * `hook.yaml`: what a registered deploy hook says about itself. It is part of the directory that the digest pins, so a
 * changed manifest is a changed hook.
 */
import { hookKinds } from '@airlock/common/hook/kind';
import { Name } from '@airlock/common/wire/scalars';
import { z } from 'zod';

const CredentialKind = z.enum(['database', 'aws', 'ssh', 'pki', 'kv']);
const EgressKind = z.enum(['postgres', 'https', 'tcp']);
const ParamName = z.string().regex(/^[a-z][A-Za-z0-9]{0,62}$/, 'expected a camelCase name');

export const HookManifest = z.strictObject({
  version: z.literal(1).describe('Version of this form: 1.'),
  name: Name.describe('Name of the hook, the same as its directory.'),
  summary: z
    .string()
    .min(1)
    .max(200)
    .describe('What the hook does, in one sentence for the target page.'),
  needs: z
    .strictObject({
      credentials: z
        .record(Name, CredentialKind)
        .default({})
        .describe(
          "Kind of every credential that the hook finds on the descriptor $AIRLOCK_CREDENTIAL_FD, by the target's name of it. Default none. One that an egress authenticates with is not among them.",
        ),
      egress: z
        .record(Name, EgressKind)
        .default({})
        .describe(
          "Kind of every socket that the hook uses, by the target's name of it; $AIRLOCK_EGRESS says where they are. Default none. No other network exists.",
        ),
    })
    .describe('What the target must give the hook beside the artifact.'),
  waves: z
    .boolean()
    .default(false)
    .describe(
      'Whether the hook can deliver to a part of the target: it is run once a wave and reads $AIRLOCK_WAVE, $AIRLOCK_WAVES and $AIRLOCK_WAVE_SHARE. Default false.',
    ),
  kind: z
    .enum(hookKinds)
    .default('at-most-once')
    .describe(
      'What may be done when the deliverer died while the hook ran. idempotent: it is run again. probing: it is asked, with $AIRLOCK_STAGE probe, whether it was done. at-most-once: a person has to look. Default at-most-once.',
    ),
  params: z
    .record(
      ParamName,
      z.strictObject({
        type: z
          .enum(['string', 'number', 'boolean'])
          .describe('Type of the value in the target file.'),
        required: z.boolean().describe('Whether the target file must give it.'),
        summary: z.string().min(1).max(200).describe('What it means.'),
      }),
    )
    .describe("The params that a target file's deliver.params may hold; any other is refused."),
});
export type HookManifest = z.infer<typeof HookManifest>;

export type HookParams = Readonly<Record<string, string | number | boolean>>;

/** The first param that is unknown, missing or of another type; null when all fit. */
export function hookParamFault(
  manifest: HookManifest,
  params: HookParams,
): { readonly name: string; readonly message: string } | null {
  for (const [name, value] of Object.entries(params)) {
    const declared = Object.hasOwn(manifest.params, name) ? manifest.params[name] : undefined;
    if (declared === undefined) return { name, message: 'the hook knows no such param' };
    if (typeof value !== declared.type) {
      return { name, message: `${declared.type} expected, found ${typeof value}` };
    }
  }
  for (const [name, declared] of Object.entries(manifest.params)) {
    if (declared.required && !Object.hasOwn(params, name)) {
      return { name, message: 'required and missing' };
    }
  }
  return null;
}
