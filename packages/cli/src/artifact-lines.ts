/** What `release show --diff` prints of the artifact: its files and the components of its SBOMs. */
import { z } from 'zod';
import { safe } from './print.ts';

const Total = z.number();
const Text = z.string().nullable();
const State = z.looseObject({ size: Total, mode: Total }).nullable();

/** `changes.artifact` of a promotion. */
export const ArtifactChanges = z.looseObject({
  before: z.looseObject({ size: Total.nullable() }).nullable(),
  after: z.looseObject({ size: Total }),
  unread: Text,
  ...{ files: Total, added: Total, removed: Total, changed: Total },
  list: z.array(
    z.looseObject({
      path: z.string(),
      change: z.enum(['added', 'removed', 'changed']),
      before: State,
      after: State,
    }),
  ),
  image: z
    .looseObject({
      ...{ baseBefore: Text, baseAfter: Text, runsBefore: Text, runsAfter: Text },
      ...{ layersBefore: Total, layersAfter: Total, layersKept: Total },
      unread: z
        .array(z.looseObject({ side: z.string(), file: z.string(), why: z.string() }))
        .optional(),
    })
    .optional(),
  sbom: z.looseObject({
    ...{ before: Total.nullable(), after: Total.nullable() },
    ...{ added: Total, removed: Total, changed: Total, relicensed: Total },
    list: z.array(
      z.looseObject({
        name: z.string(),
        ...{ from: Text, to: Text, licenceBefore: Text, licenceAfter: Text },
      }),
    ),
    unread: z.array(z.looseObject({ side: z.string(), file: z.string(), why: z.string() })),
  }),
});
export type ArtifactChanges = z.infer<typeof ArtifactChanges>;

/** One line a file and a component, under a line with the counts of all. */
export function artifactLines(artifact: ArtifactChanges): string[] {
  const { before, after, unread, added, removed, changed, files, list } = artifact;
  const size =
    before === null || before.size === null
      ? `${after.size} bytes`
      : `${before.size} → ${after.size} bytes`;
  const told =
    unread === null
      ? `${added} files new, ${changed} changed, ${removed} gone, of ${files}`
      : `files not compared: ${safe(unread)}`;
  return [
    `Artifact: ${size}; ${told}`,
    ...list.map(fileLine),
    ...more(added + removed + changed, list.length),
    ...imageLines(artifact),
    ...sbomLines(artifact),
  ];
}

const signs = { added: '+', removed: '−', changed: '~' } as const;

function fileLine({ path, change, before, after }: ArtifactChanges['list'][number]): string {
  const modes = [before, after].flatMap((state) => (state === null ? [] : [octal(state.mode)]));
  const [was, is] = modes;
  const said = is === undefined || was === is ? was : `${was} → ${is}`;
  return `  ${signs[change]} ${safe(path)}  ${(after ?? before)?.size ?? 0} bytes, ${said}`;
}

const octal = (mode: number): string => mode.toString(8).padStart(3, '0');

function imageLines({ image }: ArtifactChanges): string[] {
  if (image === undefined) return [];
  const { unread = [] } = image;
  const said = (asked: string, text: string | null): string =>
    unread.some(({ side }) => side === asked) ? 'unread' : safe(text ?? 'no image');
  const turned = (was: string | null, is: string | null): string =>
    unread.length === 0 && was === is
      ? safe(is ?? '')
      : `${said('before', was)} → ${said('after', is)}`;
  const reasons = unread.map(
    ({ side, file, why }) =>
      `Container image not compared: ${safe(file)} ${sideInWords(side)} ${safe(why)}`,
  );
  if (unread.length > 1) return reasons;
  return [
    ...reasons,
    `Container image: built on ${turned(image.baseBefore, image.baseAfter)}`,
    `  runs as ${turned(image.runsBefore, image.runsAfter)}`,
    ...(unread.length > 0
      ? []
      : [`  ${image.layersBefore} → ${image.layersAfter} layers, ${image.layersKept} as before`]),
  ];
}

const sideInWords = (side: string): string =>
  side === 'after' ? 'of this release' : 'of what is live';

function sbomLines({ before: live, sbom }: ArtifactChanges): string[] {
  const { before, after, added, removed, changed, relicensed, list, unread } = sbom;
  if (unread.length > 0) {
    return unread.map(
      ({ side, file, why }) =>
        `SBOM ${safe(file)} ${sideInWords(side)} is ${safe(why)}: components are not compared`,
    );
  }
  if (after === null) {
    return [
      before === null
        ? 'SBOM: none in the artifact'
        : `SBOM: none in the artifact; what is live has one with ${before} components`,
    ];
  }
  if (live !== null && before === null) {
    return [`SBOM: ${after} components; what is live holds none to compare it with`];
  }
  return [
    `SBOM difference: +${added} −${removed} ~${changed}, ${relicensed} under another licence`,
    ...list.map(componentLine),
  ];
}

function componentLine(row: ArtifactChanges['sbom']['list'][number]): string {
  const { name, from, to, licenceBefore: was, licenceAfter: is } = row;
  const licence =
    from !== null && to !== null && was !== is
      ? `  licence ${safe(was ?? 'none said')} → ${safe(is ?? 'none said')}`
      : '';
  if (from === null) return `  + ${safe(name)} ${safe(to ?? '')}`;
  if (to === null) return `  − ${safe(name)} ${safe(from)}`;
  const version = from === to ? safe(from) : `${safe(from)} → ${safe(to)}`;
  return `  ~ ${safe(name)} ${version}${licence}`;
}

const more = (total: number, listed: number): string[] =>
  total > listed ? [`  and ${total - listed} more`] : [];
