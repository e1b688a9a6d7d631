import { Emitter } from './emitter.ts';
import type { MediaSlot } from './media-link.ts';
import type { TrackSource } from './protocol.ts';
import { SlotStream } from './slot-stream.ts';

export type MixerSlotEvents = { source: [TrackSource | undefined] };

/** An audio slot that the server fills: with one of the loudest speakers of the room, never with oneself. */
export class MixerSlot extends Emitter<MixerSlotEvents> {
  readonly #media = new SlotStream();
  #source: TrackSource | undefined;

  /** For `audio.srcObject`; the same object for the life of the session. */
  get stream(): MediaStream {
    return this.#media.stream;
  }

  get track(): MediaStreamTrack | undefined {
    return this.#media.track;
  }

  /** Who is heard here now; undefined: nobody. */
  get source(): TrackSource | undefined {
    return this.#source;
  }

  /** @internal */
  bind(slot: MediaSlot | undefined): void {
    this.#media.use(slot?.track);
    this.onSource(undefined);
  }

  /** @internal */
  onSource(source: TrackSource | undefined): void {
    if (this.#source === source) return;
    this.#source = source;
    this.emit('source', source);
  }
}
