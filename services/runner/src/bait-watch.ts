/** What becomes of the bait of a job: where it lies for the job to find, and everything in which it is seen after that. */
import {
  maxBaitSightings,
  type Bait,
  type BaitName,
  type BaitSighting,
} from '@airlock/common/wire/bait';
import type { HomeFile } from '@airlock/build/home';
import { createMasker, type Masker } from '@airlock/masking/masker';

/** Bytes as they come, in one place. */
export type Watching = { see(bytes: Uint8Array): void; end(): void };

export type BaitWatch = {
  /** A job begins: what is open of the job before it tells nothing any more. */
  begin(bait: readonly Bait[]): void;
  open(where: BaitSighting['where'], name: string): Watching;
  /** What was seen since the job began; ends what is open. */
  take(): BaitSighting[];
};

type Known = { readonly name: BaitName; readonly masker: Masker };
type Session = {
  readonly known: readonly Known[];
  readonly seen: Map<string, BaitSighting>;
  readonly open: Set<Watching>;
};

const session = (bait: readonly Bait[]): Session => ({
  known: bait.map((each) => ({ name: each.name, masker: createMasker(baitTexts(each)) })),
  seen: new Map(),
  open: new Set(),
});

/** As docker's file has it. */
const authOf = (value: string): string => Buffer.from(`deploy:${value}`).toString('base64');

/** In base64 "deploy:npm_", which anybody may say, ends before this character. */
const ownPart = 16;

/** What is looked for: as it is, as the name of a host has it, and as it lies in the home in a form of its own. */
export function baitTexts({ name, value }: Bait): readonly Buffer[] {
  const inHome = name === 'registry-key' ? [authOf(value).slice(ownPart)] : [];
  return [value, value.toLowerCase(), ...inHome].map((text) => Buffer.from(text));
}

/** Of one job: a runner has one at a time. */
export function createBaitWatch(): BaitWatch {
  let now = session([]);
  return {
    begin(bait) {
      now = session(bait);
    },
    open(where, name) {
      const { known, seen, open } = now;
      const shown = known.reduce((text, { masker }) => masker.text(text), name).slice(0, 300);
      const streams = known.map((each) =>
        watched(each.masker, () => {
          const key = `${each.name} ${where} ${shown}`;
          if (seen.size >= maxBaitSightings) return;
          seen.set(key, { bait: each.name, where, name: shown });
        }),
      );
      const place: Watching = {
        see(bytes) {
          for (const stream of streams) stream.see(bytes);
        },
        end() {
          open.delete(place);
          for (const stream of streams) stream.end();
        },
      };
      open.add(place);
      return place;
    },
    take() {
      // What a connection sent last may not be decided before it ends, and it may outlive the job.
      for (const place of [...now.open]) place.end();
      return [...now.seen.values()];
    },
  };
}

/** A mask is shorter than what it stands for: once something was masked, less came out than went in. */
function watched(masker: Masker, onSeen: () => void): Watching {
  const stream = masker.stream();
  let [came, went, isSeen] = [0, 0, false];
  const compare = (): void => {
    if (isSeen || went + stream.held() === came) return;
    isSeen = true;
    onSeen();
  };
  return {
    see(bytes) {
      if (isSeen) return;
      came += bytes.length;
      went += stream.write(bytes).length;
      compare();
    },
    end() {
      if (isSeen) return;
      went += stream.end().length;
      if (went !== came) onSeen();
      isSeen = true;
    },
  };
}

/** Under names that no program reads by itself: who uses them went looking. */
export function baitEnvironment(bait: readonly Bait[]): Readonly<Record<string, string>> {
  const variables: Readonly<Record<BaitName, string>> = {
    'cloud-key-id': 'DEPLOY_AWS_ACCESS_KEY_ID',
    'cloud-key': 'DEPLOY_AWS_SECRET_ACCESS_KEY',
    'registry-key': 'DEPLOY_REGISTRY_KEY',
  };
  return Object.fromEntries(bait.map(({ name, value }) => [variables[name], value]));
}

/** A profile and a registry that nothing asks for which does its work. */
export function baitFiles(bait: readonly Bait[]): readonly HomeFile[] {
  const value = (wanted: BaitName): string => bait.find(({ name }) => name === wanted)?.value ?? '';
  if (bait.length === 0) return [];
  const auth = authOf(value('registry-key'));
  return [
    {
      ...{ directory: '.aws', name: 'credentials' },
      text: `[deploy]\naws_access_key_id = ${value('cloud-key-id')}\naws_secret_access_key = ${value('cloud-key')}\n`,
    },
    {
      ...{ directory: '.docker', name: 'config.json' },
      text: `${JSON.stringify({ auths: { 'registry.internal': { auth } } })}\n`,
    },
  ];
}
