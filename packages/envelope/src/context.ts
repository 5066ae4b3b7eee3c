/**
 * What a sealed thing is and where it belongs, as the bytes that are authenticated with it. They are made from the ids of
 * the row that is being read and never stored, so that a row that was moved, renamed or exchanged opens no more.
 */
import { EnvelopeError } from './envelope-error.ts';

const scheme = 'airlock/env/v1';

export type Sealed =
  | { readonly type: 'project-dek'; readonly project: string; readonly dek: string }
  | {
      readonly type: 'secret-dek';
      readonly project: string;
      /** Id of the project DEK that wraps it. */
      readonly dek: string;
      readonly secret: string;
      readonly name: string;
      readonly version: number;
    }
  | {
      readonly type: 'secret-value';
      readonly project: string;
      readonly secret: string;
      readonly name: string;
      readonly version: number;
    }
  | {
      readonly type: 'build-dek';
      readonly project: string;
      /** Id of the project DEK that wraps it. */
      readonly dek: string;
      readonly run: string;
    }
  | ({ readonly type: 'build-box'; readonly name: string } & Handed)
  | ({ readonly type: 'handout'; readonly runner: string } & Handed)
  | ({ readonly type: 'handout-request'; readonly publicKey: string } & Omit<Handed, 'run'>);

interface Handed {
  readonly run: string;
  readonly job: string;
  readonly lease: number;
  readonly step: string;
}

/**
 * The associated data of `sealed`: each part behind its length in four bytes, so that no two things have the same bytes.
 *
 * @throws EnvelopeError `envelope-malformed` for text that is not well-formed: two such texts can have the same bytes.
 */
export function contextOf(sealed: Sealed): Buffer {
  return Buffer.concat(
    [scheme, sealed.type, ...partsOf(sealed)].flatMap((part) => {
      if (!part.isWellFormed()) {
        throw new EnvelopeError(
          'envelope-malformed',
          `a name in a ${sealed.type} is not well-formed`,
        );
      }
      const bytes = Buffer.from(part, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

function partsOf(sealed: Sealed): string[] {
  switch (sealed.type) {
    case 'project-dek':
      return [sealed.project, sealed.dek];
    case 'secret-dek':
      return [sealed.project, sealed.dek, sealed.secret, sealed.name, String(sealed.version)];
    case 'secret-value':
      return [sealed.project, sealed.secret, sealed.name, String(sealed.version)];
    case 'build-dek':
      return [sealed.project, sealed.dek, sealed.run];
    case 'build-box':
      return [...handed(sealed), sealed.name];
    case 'handout':
      return [...handed(sealed), sealed.runner];
    case 'handout-request':
      return [sealed.job, String(sealed.lease), sealed.step, sealed.publicKey];
  }
}

function handed({ run, job, lease, step }: Handed): string[] {
  return [run, job, String(lease), step];
}
