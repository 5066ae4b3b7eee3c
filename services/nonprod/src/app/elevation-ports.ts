import type { AdministratorWish, ElevationWish } from '../domain/elevation.ts';

export interface Elevation {
  readonly person: string;
  readonly reason: string;
  readonly beganAt: Date;
  /** When it ends by itself. */
  readonly endsAt: Date;
  /** When the person ended it; null when they did not. */
  readonly endedAt: Date | null;
}

export interface ElevationStore {
  /** Ends what is open in the session. @param session SHA-256 of its identifier. @returns when the new one ends. */
  begin(session: Buffer, person: string, wish: ElevationWish): Promise<Date>;
  /** The one in force in a session of that person; null when there is none. */
  inForce(session: Buffer, person: string): Promise<Elevation | null>;
  /** Everybody's that are in force, in sessions that are open. */
  allInForce(): Promise<readonly Elevation[]>;
  /** False when none was in force. */
  end(session: Buffer, person: string): Promise<boolean>;
  /** Everybody's, newest first. */
  newest(limit: number): Promise<readonly Elevation[]>;
}

/** Who was let become administrator. A wish that was taken back is not found any more; its row is kept. */
export interface AdministratorStore {
  wishOf(person: string): Promise<AdministratorWish | null>;
  /** All that wait or were admitted, those that wait first. */
  wishes(): Promise<readonly AdministratorWish[]>;
  /** Keeps the first wish of a person. @returns false when there was one. */
  ask(person: string, reason: string): Promise<boolean>;
  /**
   * The yes of somebody else who is administrator in that session now.
   *
   * @param session SHA-256 of its identifier.
   * @returns whose wish it was; null when it does not wait, is their own, or they are no administrator any more.
   */
  admit(wish: string, by: Asker): Promise<string | null>;
  /** Takes the wish back, and ends what its person took up. @returns as `admit`; one's own may be taken back too. */
  withdraw(wish: string, by: Asker): Promise<string | null>;
}

export interface Asker {
  readonly person: string;
  readonly session: Buffer;
}
