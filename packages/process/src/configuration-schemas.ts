/** JSON Schemas (draft 7) of the files that people write for a gate, for their editors. The parser decides. */
import { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { TrustFile } from '@airlock/common/trust/trust-file';
import { toJSONSchema, type z } from 'zod';
import { HookManifest } from './hook-manifest.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

export const configurationFileNames = ['target', 'roster', 'trust', 'hook'] as const;
export type ConfigurationFileName = (typeof configurationFileNames)[number];

const files: Readonly<Record<ConfigurationFileName, readonly [title: string, z.ZodType]>> = {
  target: ['Airlock target file', TargetPolicy],
  roster: ['Airlock roster', Roster],
  trust: ['Airlock trust file', TrustFile],
  hook: ['Airlock hook manifest', HookManifest],
};

export function configurationSchema(name: ConfigurationFileName): JsonSchema {
  return schemaOf(...files[name]);
}

/** What is written and not what it becomes; parts that JSON Schema cannot say, such as a duration's unit, stay descriptions. */
export function schemaOf(title: string, schema: z.ZodType): JsonSchema {
  const { $schema, ...rest } = toJSONSchema(schema, {
    ...{ io: 'input', target: 'draft-7', unrepresentable: 'any' },
  });
  return { $schema, title, ...rest };
}
