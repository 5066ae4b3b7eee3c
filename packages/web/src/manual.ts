/** The manual of the version that runs, as the build made it out of docs/: its pages, and where each is edited. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FilePath } from '@airlock/process/config';
import { z } from 'zod';

const placeholder = '{file}';

export const ManualSettings = z
  .strictObject({
    directory: FilePath.describe('Pages of the manual, as the build made them (dist/manual).'),
    editAt: z
      .url({ protocol: /^https$/ })
      .max(1024)
      .refine((address) => address.includes(placeholder), {
        error: `the address needs ${placeholder}, which becomes the file, such as docs/operations/keys.md`,
      })
      .nullable()
      .default(null)
      .describe(
        `Where a page is edited, such as https://git.example.org/tools/airlock/_edit/main/${placeholder}; ${placeholder} becomes the file, such as docs/operations/keys.md. Default null: a page says which file it is.`,
      ),
  })
  .nullable()
  .default(null)
  .describe('The manual, below /manual for everybody signed in. Default null: there is none.');
export type ManualSettings = z.infer<typeof ManualSettings>;

const Pages = z.array(
  z.object({
    path: z.string(),
    file: z.string(),
    title: z.string(),
    summary: z.string(),
    sections: z.array(z.object({ id: z.string(), title: z.string() })),
  }),
);
export type ManualPage = z.infer<typeof Pages>[number];

export interface Manual {
  readonly pages: readonly ManualPage[];
  /** Where somebody may edit the page; null where nobody said. */
  editAddress(page: ManualPage): string | null;
  /** HTML of the page below its title, of this build's own making. */
  html(page: ManualPage): Promise<string>;
}

/** @throws when the build has not been run: `npm run build`. */
export function loadManual({ directory, editAt }: NonNullable<ManualSettings>): Manual {
  return {
    pages: Pages.parse(JSON.parse(readFileSync(join(directory, 'pages.json'), 'utf8'))),
    editAddress: ({ file }) => editAt?.replaceAll(placeholder, file) ?? null,
    html: ({ path }) => readFile(join(directory, `${path}.html`), 'utf8'),
  };
}
