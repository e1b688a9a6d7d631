import { BitReader } from '../bit-reader.ts';
import type { MediaPacket } from '../media-packet.ts';

const TEMPLATES_MAX = 64;

interface Template {
  readonly spatial: number;
  readonly temporal: number;
}

/**
 * Reads the dependency descriptor extension (AV1 RTP payload, appendix A). Its template structure comes with
 * keyframes only, so a reader belongs to one RTP stream.
 */
export class DependencyDescriptorReader {
  #offset = 0;
  #templates: Template[] = [];

  /**
   * Fills spatial, temporal, frameStart, frameEnd and keyframe.
   * @returns false when it is malformed or refers to a structure that has not come.
   */
  read(descriptor: Uint8Array, into: MediaPacket): boolean {
    if (descriptor.length < 3) return false;
    const reader = new BitReader(descriptor);
    into.frameStart = reader.flag();
    into.frameEnd = reader.flag();
    const templateId = reader.bits(6);
    reader.bits(16);
    const hasStructure = descriptor.length > 3 && reader.flag();
    if (hasStructure) {
      // active_decode_targets_present, custom_dtis, custom_fdiffs, custom_chains
      reader.bits(4);
      if (!this.#readStructure(reader)) return false;
    }
    into.keyframe = hasStructure;
    const template = this.#templates[(templateId + TEMPLATES_MAX - this.#offset) % TEMPLATES_MAX];
    if (template === undefined) return false;
    into.spatial = template.spatial;
    into.temporal = template.temporal;
    into.svc = this.#templates.some(({ spatial }) => spatial > 0);
    return true;
  }

  /** template_layers(), of which the rest needs only the first two fields of the structure. */
  #readStructure(reader: BitReader): boolean {
    const offset = reader.bits(6);
    reader.bits(5);
    const templates: Template[] = [];
    let spatial = 0;
    let temporal = 0;
    for (;;) {
      templates.push({ spatial, temporal });
      const next = reader.bits(2);
      if (next === 1) temporal += 1;
      else if (next === 2) {
        temporal = 0;
        spatial += 1;
      } else if (next === 3) break;
      if (templates.length >= TEMPLATES_MAX || reader.overrun) return false;
    }
    if (reader.overrun) return false;
    this.#offset = offset;
    this.#templates = templates;
    return true;
  }
}
