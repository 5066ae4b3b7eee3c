/**
 * How a runner comes, says who it is, and gets its next certificate.
 *
 * The enrolment listener of nonprod (HTTPS, TLS 1.3; the caller has no certificate yet and shows a token):
 *
 *   POST /v1/enrolments        EnrolmentRequest → 201 Enrolment | 401 token-refused
 *   GET  /v1/enrolments/:id    → 200 Enrolment | 404 not-found
 *
 * The runner API (mutual TLS; see runner-protocol.ts for the jobs):
 *
 *   POST /v1/runner/hello          RunnerHello → 204; the first call of a process, and the first with a new certificate
 *   POST /v1/runner/certificate    CertificateRequest → 200 IssuedCertificate
 *
 * Every call to the runner API carries the header `x-airlock-instance`, made anew by each process of a runner: two of them
 * under one certificate are two places that have its key.
 */
import { z } from 'zod';
import { Name } from './scalars.ts';

export const instanceHeader = 'x-airlock-instance';

/** 128 random bits of one process, as hex. */
export const Instance = z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 hex digits');

/** PKCS #10, PEM; a P-256 or Ed25519 key signs some 400 characters. */
const CertificateRequestPem = z.string().min(1).max(4096);

/** A runner is `lasting`, or registered for `once`: its first job is its last. */
export const RunnerKind = z.enum(['lasting', 'once']);
export type RunnerKind = z.infer<typeof RunnerKind>;

export const EnrolmentRequest = z.strictObject({
  /** The secret part of the token: 256 bits, base64url. */
  token: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 43 characters of base64url'),
  csr: CertificateRequestPem,
});
export type EnrolmentRequest = z.infer<typeof EnrolmentRequest>;

export const IssuedCertificate = z.strictObject({
  /** The runner's certificate and the intermediate that signed it, PEM. */
  chainPem: z.string().min(1).max(16_384),
  /** Authorities by which the runner knows its server from now on, PEM; two while one replaces the other. */
  caPem: z.string().min(1).max(16_384),
});
export type IssuedCertificate = z.infer<typeof IssuedCertificate>;

const enrolment = {
  id: z.string().max(64),
  /** SHA-256 of the key that the runner made, as people compare it. */
  keyFingerprint: z.string().max(128),
  runner: Name,
  pool: Name,
  kind: RunnerKind,
};
export const Enrolment = z.discriminatedUnion('state', [
  z.strictObject({ ...enrolment, state: z.literal('waiting') }),
  z.strictObject({ ...enrolment, state: z.literal('refused') }),
  z.strictObject({
    ...enrolment,
    state: z.literal('accepted'),
    /** Where the runner API is. */
    url: z.url(),
    issued: IssuedCertificate,
  }),
]);
export type Enrolment = z.infer<typeof Enrolment>;

export const CertificateRequest = z.strictObject({ csr: CertificateRequestPem });
export type CertificateRequest = z.infer<typeof CertificateRequest>;

/** As many places of its egress list a runner tells by name. */
export const mostPlaces = 200;

/** What a runner says of itself; claimed, shown to people, and no ground to trust it. */
export const RunnerHello = z.strictObject({
  version: z.string().max(64),
  isolation: z.string().max(32),
  labels: z.array(z.string().max(128)).max(64),
  /** Operating system and architecture of its kernel, such as linux/amd64. Left out: it does not say. */
  platform: z
    .string()
    .max(64)
    .regex(/^[a-z0-9_.-]+(\/[a-z0-9_.-]+){1,2}$/, 'expected os/architecture')
    .optional(),
  /** Where its builds may connect to. Left out: it does not say, or they have its machine's own network. */
  egress: z
    .strictObject({
      /** `name:port`, `*.name:port` or `address:port`: the first of its configuration. */
      places: z
        .array(
          z
            .string()
            .max(261)
            .regex(/^[a-z0-9._*:[\]-]+$/, 'expected host:port'),
        )
        .max(mostPlaces),
      /** How many there are in all. */
      count: z.int().min(0).max(1_000_000),
    })
    .optional(),
  /** Started to end after one job. */
  once: z.boolean().default(false),
});
export type RunnerHello = z.infer<typeof RunnerHello>;

/** What a person carries to the runner's machine: the secret, and by which key the server is known until its CA is there. */
export const joinToken = {
  format: (secret: string, serverKey: string): string => `arj1.${secret}.${serverKey}`,
  /** Null when it is none. */
  parse(text: string): { readonly secret: string; readonly serverKey: string } | null {
    const found = /^arj1\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/.exec(text);
    const [, secret, serverKey] = found ?? [];
    return secret === undefined || serverKey === undefined ? null : { secret, serverKey };
  },
};
