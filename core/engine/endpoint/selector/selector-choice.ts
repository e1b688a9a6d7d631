import type { Codec, MediaPacket } from '@switchyard/shared/media';
import { DependencyLayers } from './dependency-layers.ts';
import { LayerSelector } from './layer-selector.ts';
import type { SourceState } from './source-state.ts';
import { SvcLayers } from './svc-layers.ts';
import { TemporalLayers } from './temporal-layers.ts';

/** Which selector a source needs, and the one it has. Changes with the source's codec and kind of layers. */
export class SelectorChoice {
  #selector: LayerSelector | undefined;
  #codec: Codec | undefined;
  #svc = false;
  #described = false;

  get selector(): LayerSelector | undefined {
    return this.#selector;
  }

  /** Another source: what flows next begins with a keyframe. */
  reset(): void {
    this.#selector = undefined;
    this.#codec = undefined;
  }

  /**
   * Hot path.
   * @param isFlat One spatial layer is all that the viewer can be given.
   * @returns The selector for the packet; a new one where a keyframe changes the kind of stream.
   */
  for(
    packet: MediaPacket,
    source: SourceState,
    isFlat: boolean,
    spatial: number,
    temporal: number,
  ): LayerSelector {
    const selector = this.#selector;
    const described = source.frame !== undefined;
    if (selector !== undefined && packet.codec === this.#codec) {
      if (packet.svc === this.#svc && described === this.#described) return selector;
      // A descriptor that cannot be read in the middle of a stream does not make it another one.
      if (selector.spatial >= 0 && !source.beginsKeyframe) return selector;
    }
    this.#codec = packet.codec;
    this.#svc = packet.svc;
    this.#described = described;
    const layers = described ? new DependencyLayers() : packet.svc ? new SvcLayers() : new TemporalLayers();
    this.#selector = new LayerSelector(layers, packet.svc, isFlat, spatial, temporal);
    return this.#selector;
  }
}
