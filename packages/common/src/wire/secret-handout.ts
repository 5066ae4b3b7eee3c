/**
 * How a runner is given the secrets of one step, once:
 *
 *   POST /v1/jobs/:jobId/secrets   SecretsRequest → 200 SecretsAnswer | 403 secret-refused | 409 lease-lost | 410 secret-taken
 *
 * Each value lies in a box under a key of this step, and that key is sealed to the public key that the runner made for it
 * and signed with the key of its certificate (`@airlock/envelope/handout`).
 */
import { z } from 'zod';
import { Name } from './scalars.ts';

/** As a variable may be called, and as text after a dot or a dash. */
export const SecretName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/,
    'expected 1 to 63 letters, digits, _ . - that begin with a letter or _',
  );

export const secretKinds = ['value', 'ssh-key'] as const;
export type SecretKind = (typeof secretKinds)[number];

export const SecretsRequest = z.strictObject({
  lease: z.number().int().positive(),
  /** A step or a service of the job's workflow. */
  step: Name,
  /** X25519, 32 bytes, made for this request. */
  publicKey: z.base64().length(44),
  /** Over the request, by the key of the certificate that the connection came with. */
  signature: z.base64().max(1024),
});
export type SecretsRequest = z.infer<typeof SecretsRequest>;

export const SecretsAnswer = z.strictObject({
  /** The key of the boxes, sealed to the public key. */
  key: z.base64().max(1024),
  secrets: z
    .array(
      z.strictObject({
        name: SecretName,
        kind: z.enum(secretKinds),
        /** A secret has 32 KiB at most, and is filled up to 64. */
        box: z.base64().max(88 * 1024),
      }),
    )
    .max(128),
});
export type SecretsAnswer = z.infer<typeof SecretsAnswer>;

/** What a secret of kind `ssh-key` is, as JSON. */
export const SshKey = z.strictObject({
  /** As ssh-keygen writes it. */
  privateKey: z
    .string()
    .max(24 * 1024)
    .regex(
      /^-----BEGIN [A-Z ]*PRIVATE KEY-----\n[\s\S]*-----END [A-Z ]*PRIVATE KEY-----\s*$/,
      'expected a private key as ssh-keygen writes it, from -----BEGIN to -----END',
    ),
  /** Empty: the key has none. */
  passphrase: z.string().max(1024),
  /** Lines of a known_hosts file: no other host is connected to. */
  knownHosts: z
    .string()
    .min(1, 'name the hosts that the key is for, as `ssh-keyscan HOST` prints them')
    .max(6 * 1024),
});
export type SshKey = z.infer<typeof SshKey>;
