/** A stream that outlives connections: its track is exchanged when the session comes back with a new one. */
export class SlotStream {
  #stream: MediaStream | undefined;
  #track: MediaStreamTrack | undefined;

  /** For `video.srcObject`; the same object for life. */
  get stream(): MediaStream {
    this.#stream ??= new MediaStream(this.#track === undefined ? [] : [this.#track]);
    return this.#stream;
  }

  get track(): MediaStreamTrack | undefined {
    return this.#track;
  }

  use(track: MediaStreamTrack | undefined): void {
    if (this.#track !== undefined) this.#stream?.removeTrack(this.#track);
    if (track !== undefined) this.#stream?.addTrack(track);
    this.#track = track;
  }
}
