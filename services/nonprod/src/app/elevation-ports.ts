import type { ElevationWish } from '../domain/elevation.ts';

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
