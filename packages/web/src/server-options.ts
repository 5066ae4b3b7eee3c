/** What a site of ours is made of. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import type { Build } from '@airlock/process/build';
import type { Log } from '@airlock/process/log';
import type { ActBook } from './acts.ts';
import type { TokenDoor } from './bearer.ts';
import type { SecurityContact, WebListen } from './listen-settings.ts';
import type { ManualSettings } from './manual.ts';
import type { HttpError } from './problem.ts';
import type { Route, RouteContext, Viewer } from './route.ts';
import type { Identity } from './saml/identity.ts';
import type { SamlSettings } from './saml/settings.ts';
import type { SessionStore } from './session.ts';
import type { Frame, NavEntry } from './views/layout.tsx';

export interface WebServerOptions {
  readonly service: 'nonprod' | 'gate';
  /** As browsers see it, such as https://gate.example: the only host that is served. */
  readonly origin: string;
  readonly listen: WebListen;
  /** Left out or null: there is no /.well-known/security.txt. */
  readonly securityContact?: SecurityContact;
  readonly log: Log;
  readonly routes: readonly Route[];
  /** Callers that are machines and many; no page, no session, no parser stands before them. */
  readonly intakes?: readonly Intake[];
  readonly assetsDirectory: string;
  /** Left out or null: there is no /manual. */
  readonly manual?: ManualSettings;
  readonly sessions: SessionStore;
  /** Null: nobody signs in by SAML. */
  readonly saml: SamlSettings | null;
  /** Signs people in beside SAML, or in its place; left out: nothing does. */
  readonly proxy?: SignInProxy | null;
  readonly nav: readonly NavEntry[];
  readonly build: Build;
  /** Lines at the foot of every page, such as the ledger's checkpoint. */
  footer(): Promise<Frame['footer']>;
  /** On top of every page of somebody signed in; left out: nothing. */
  notices?(context: RouteContext): Promise<NonNullable<Frame['notices']>>;
  /**
   * Who this is here; null for somebody this service does not know, who then gets a 403 and no redirect loop.
   *
   * @param session SHA-256 of the session's identifier, for what somebody may do in one session and not in another.
   */
  resolveViewer(identity: Identity, session: Buffer): Promise<Viewer | null>;
  /** Takes tokens of programs, on routes that name a scope; left out: the Authorization header means nothing. */
  readonly tokens?: TokenDoor;
  /** Takes down every request of somebody known here that is not a GET; left out: nothing is taken down. */
  readonly acts?: ActBook;
  /** Told of every sign-in before its session exists; when it fails there is none. */
  signedIn?(identity: Identity): Promise<void>;
  /** Name of the group to ask for when a role is missing. */
  groupForRole(role: string): string;
  /** Translates a use case's refusal; null leaves it an internal error. */
  translateError?(error: unknown): HttpError | null;
}

/** Something before this service that signs people in, and that proves itself by its certificate on each connection. */
export interface SignInProxy {
  /** Whom it names; null for every request that does not prove to come from it, or names nobody in the one right way. */
  identityOf(request: IncomingMessage): Identity | null;
}

/** Takes every request below a path by itself: reads the body, checks who sent it, answers. */
export interface Intake {
  /** Such as `/hooks/git/`. */
  readonly prefix: string;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** What routes need to render a page: everything of the frame but its title and content. */
export type FrameOf = (request: Request, context: RouteContext) => Promise<Frame>;
