import { z } from 'zod';

/** Who the identity provider says somebody is, read from the signed bytes of its assertion and from nothing else. */
export const Identity = z.strictObject({
  nameId: z.string().min(1).max(255),
  idp: z.string(),
  displayName: z.string().max(255),
  groups: z.array(z.string().max(255)).max(200),
});
export type Identity = z.infer<typeof Identity>;
