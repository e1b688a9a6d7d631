import type { Codec } from '@switchyard/shared/media';
import type { NegotiatedMedia } from '../peer-contract.ts';

/** What an SSRC of the client is: an encoding of an m-line, or the RTX of one. */
export interface Binding {
  readonly mid: string;
  /** Index of the encoding in the m-line's rids. */
  readonly encoding: number;
  readonly isRtx: boolean;
}

/** What a payload type of an m-line means. */
export interface PayloadMeaning {
  readonly codec: Codec;
  readonly payloadType: number;
  readonly isRtx: boolean;
  /** Audio with copies (RFC 2198) of payloads of `payloadType`. */
  readonly isRed: boolean;
}

/** What the header extensions of a packet say of its stream. */
export interface StreamHints {
  mid: string;
  rid: string;
  repairedRid: string;
}

/** Most SSRCs that one client may bind. */
const BINDINGS_MAX = 128;

/**
 * SSRC → m-line and encoding, from SDP (SSRC lines) or from the packets (MID and RID, RFC 8843 §9.2, RFC 8852). Bindings
 * last as long as their m-line: browsers send MID and RID only at the beginning. Pure.
 */
export class TrackMap {
  readonly #bindings = new Map<number, Binding>();
  #media = new Map<string, NegotiatedMedia>();

  /** The m-lines that are negotiated now. */
  apply(media: readonly NegotiatedMedia[]): void {
    this.#media = new Map(media.filter(({ send }) => send === undefined).map((each) => [each.mid, each]));
    for (const [ssrc, { mid }] of this.#bindings) if (!this.#media.has(mid)) this.#bindings.delete(ssrc);
    for (const { mid, ssrcs } of this.#media.values())
      ssrcs.forEach(({ ssrc, rtxSsrc }, index) => {
        // Several SSRCs on one m-line without rids are encodings in SDP order (legacy simulcast).
        const encoding = ssrcs.length > 1 ? index : 0;
        this.#bindings.set(ssrc, { mid, encoding, isRtx: false });
        if (rtxSsrc !== undefined) this.#bindings.set(rtxSsrc, { mid, encoding, isRtx: true });
      });
  }

  get media(): Iterable<NegotiatedMedia> {
    return this.#media.values();
  }

  mediaOf(mid: string): NegotiatedMedia | undefined {
    return this.#media.get(mid);
  }

  find(ssrc: number): Binding | undefined {
    return this.#bindings.get(ssrc);
  }

  /** @returns The binding of a new SSRC; undefined when it belongs to nothing that was negotiated. */
  bind(ssrc: number, payloadType: number, hints: StreamHints): Binding | undefined {
    const media = this.#mediaFor(payloadType, hints);
    if (media === undefined || this.#bindings.size >= BINDINGS_MAX) return undefined;
    const isRtx = hints.repairedRid !== '' || this.meaningOf(media, payloadType)?.isRtx === true;
    const rid = hints.repairedRid === '' ? hints.rid : hints.repairedRid;
    const encoding = media.rids.length === 0 ? 0 : media.rids.indexOf(rid);
    if (encoding < 0) return undefined;
    const binding: Binding = { mid: media.mid, encoding, isRtx };
    this.#bindings.set(ssrc, binding);
    return binding;
  }

  meaningOf(media: NegotiatedMedia, payloadType: number): PayloadMeaning | undefined {
    for (const each of media.codecs) {
      if (each.payloadType === payloadType)
        return { codec: each.codec, payloadType, isRtx: false, isRed: false };
      if (each.rtxPayloadType === payloadType)
        return { codec: each.codec, payloadType: each.payloadType, isRtx: true, isRed: false };
      if (each.redPayloadType === payloadType)
        return { codec: each.codec, payloadType: each.payloadType, isRtx: false, isRed: true };
    }
    return undefined;
  }

  /** By MID; without one (FFmpeg, some hardware) by a payload type that only one m-line has. */
  #mediaFor(payloadType: number, hints: StreamHints): NegotiatedMedia | undefined {
    if (hints.mid !== '') return this.#media.get(hints.mid);
    const candidates = [...this.#media.values()].filter(
      (each) => this.meaningOf(each, payloadType) !== undefined,
    );
    return candidates.length === 1 ? candidates[0] : undefined;
  }
}
