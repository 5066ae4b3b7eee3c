import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { intotoPayloadType } from '@airlock/common/constants';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { tarOf } from '@airlock/common/evidence/write-tar';
import { sigstoreBundle } from '@airlock/common/sigstore/bundle';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import type { Request, Response } from 'express';
import { collectEvidence, type EvidenceSources } from '../../app/evidence.ts';
import type { DeliveryStore } from '../../app/delivery-ports.ts';
import type { PromotionStore } from '../../app/promotion-ports.ts';
import type { Promotion } from '../../domain/promotion.ts';
import { nothing, pathId } from '../shared.ts';

export interface EvidencePorts {
  readonly evidence: Omit<EvidenceSources, 'promotions' | 'deliveries'>;
  readonly promotions: Pick<PromotionStore, 'find' | 'evidence'>;
  readonly deliveries: Pick<DeliveryStore, 'ofPromotion' | 'find' | 'log'>;
}

export function evidenceRoutes(ports: EvidencePorts): Route[] {
  return [archiveRoute(ports), ...attestationRoutes(ports)];
}

function archiveRoute({ evidence, promotions, deliveries }: EvidencePorts): Route {
  return route({
    name: 'download-evidence',
    method: 'get',
    path: '/api/v1/promotions/:id/evidence',
    access: 'signed-in',
    summary: 'The archive by which anybody checks a delivery offline.',
    async handle(request, response) {
      const promotion = await promotions.find(pathId(request, 'prm'));
      if (promotion === null) throw nothing('promotion');
      const delivery = await deliveries.ofPromotion(promotion.id);
      if (delivery?.finishedAt == null) {
        throw new HttpError(
          'refused',
          `Evidence is of a delivery that has ended; this promotion is ${promotion.state}.`,
        );
      }
      const collected = await collectEvidence(
        { ...evidence, promotions, deliveries },
        { promotion, delivery },
      );
      if ('missing' in collected) {
        throw new HttpError(
          'dependency-unavailable',
          `Not there yet: ${collected.missing}. It follows within a few seconds of the end; if it does not, somebody of platform looks at the authority's log for attestation.held-back, and at the watchdog.`,
        );
      }
      response.type('application/x-tar');
      response.setHeader(
        'content-disposition',
        `attachment; filename="${promotion.id}-evidence.tar"`,
      );
      response.send(tarOf(collected.files, delivery.finishedAt));
    },
  });
}

/** What the gate and non-prod signed, as it stands and in the form of sigstore's tools. */
function attestationRoutes({ evidence, promotions, deliveries }: EvidencePorts): Route[] {
  const promotionOf = async (request: Request): Promise<Promotion> => {
    const promotion = await promotions.find(pathId(request, 'prm'));
    if (promotion === null) throw nothing('promotion');
    return promotion;
  };
  const summary = async (request: Request): Promise<Buffer> => {
    const { id, policyDigest } = await promotionOf(request);
    const found = await evidence.attestations.summaryOf(id, policyDigest);
    if (found === null) throw nothing('verification summary');
    return found.envelope;
  };
  const statement = async (request: Request): Promise<Buffer> => {
    const delivery = await deliveries.find(pathId(request, 'dlv'));
    const found = delivery === null ? null : await evidence.attestations.statementOf(delivery.id);
    if (found === null) throw nothing('delivery statement');
    return found.envelope;
  };
  const bundle = async (request: Request): Promise<Buffer> => {
    const kept = await promotions.evidence((await promotionOf(request)).id);
    if (kept === null) throw nothing('promotion');
    return kept.bundle;
  };
  const provenance = async (request: Request): Promise<Buffer> => {
    const { bundleDigest, envelopeDigest } = await promotionOf(request);
    const lines = (await bundle(request)).toString('utf8').split('\n');
    const found = lines.find((line) => sha256Hex(Buffer.from(line)) === envelopeDigest);
    if (found === undefined) throw nothing(`provenance in bundle ${bundleDigest}`);
    return Buffer.from(found);
  };
  const plain = (
    name: string,
    path: string,
    about: string,
    read: (request: Request) => Promise<Buffer>,
    type = 'application/vnd.dsse.envelope.v1+json',
  ): Route =>
    route({
      ...{ name, method: 'get', path, access: 'signed-in', summary: about },
      async handle(request, response) {
        send(response, type, await read(request));
      },
    });
  const sigstore = (
    name: string,
    path: string,
    about: string,
    read: (request: Request) => Promise<Buffer>,
  ): Route =>
    plain(
      name,
      path,
      about,
      async (request) => {
        const envelope = await read(request);
        const [signature] = parseEnvelope(envelope, intotoPayloadType).signatures;
        return Buffer.from(JSON.stringify(sigstoreBundle(envelope, signature?.keyid ?? '')));
      },
      'application/vnd.dev.sigstore.bundle.v0.3+json',
    );
  return [
    plain(
      'read-summary',
      '/promotions/:id/vsa',
      'The verification summary (SLSA VSA) of a promotion, a DSSE envelope.',
      summary,
    ),
    sigstore(
      'read-summary-for-sigstore',
      '/promotions/:id/vsa/bundle.sigstore.json',
      'The verification summary as a sigstore bundle.',
      summary,
    ),
    plain(
      'read-bundle',
      '/promotions/:id/bundle.intoto.jsonl',
      'The bundle as it was admitted, a DSSE envelope a line.',
      bundle,
      'application/jsonl',
    ),
    sigstore(
      'read-provenance-for-sigstore',
      '/promotions/:id/provenance/bundle.sigstore.json',
      'The provenance as a sigstore bundle.',
      provenance,
    ),
    plain(
      'read-statement',
      '/deliveries/:id/statement',
      'The statement of a delivery that is over, a DSSE envelope.',
      statement,
    ),
    sigstore(
      'read-statement-for-sigstore',
      '/deliveries/:id/statement/bundle.sigstore.json',
      'The delivery statement as a sigstore bundle.',
      statement,
    ),
  ];
}

function send(response: Response, type: string, body: Buffer): void {
  response.type(type);
  response.send(body);
}
