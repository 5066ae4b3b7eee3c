import type { GateDatabase } from './client.ts';

/** A person's own signed-in browsers, for their page; everything else about sessions is the web kit's. */
export type WebSessions = {
  /** Newest first. @param nameId as the identity provider sends it. */
  ofPerson(nameId: string): Promise<{ createdAt: Date; lastSeenAt: Date }[]>;
  /** Ends all of them at once. */
  endAll(nameId: string): Promise<void>;
};

export function createWebSessions({ prisma }: GateDatabase): WebSessions {
  return {
    ofPerson: (nameId) =>
      prisma.webSession.findMany({
        where: { person: nameId, expiresAt: { gt: new Date() } },
        select: { createdAt: true, lastSeenAt: true },
        orderBy: { createdAt: 'desc' },
        take: 20,
      }),
    async endAll(nameId) {
      await prisma.webSession.deleteMany({ where: { person: nameId } });
    },
  };
}
