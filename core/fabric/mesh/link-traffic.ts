/** What crossed one link since it came up: datagrams and their bytes, IP and UDP headers not counted. */
export interface LinkTraffic {
  mediaIn: number;
  mediaOut: number;
  mediaBytesIn: number;
  mediaBytesOut: number;
  controlIn: number;
  controlOut: number;
  controlBytesIn: number;
  controlBytesOut: number;
  /** Media that the other end asked for again; counted in `mediaOut` too. */
  resent: number;
}

export const noTraffic = (): LinkTraffic => ({
  mediaIn: 0,
  mediaOut: 0,
  mediaBytesIn: 0,
  mediaBytesOut: 0,
  controlIn: 0,
  controlOut: 0,
  controlBytesIn: 0,
  controlBytesOut: 0,
  resent: 0,
});

/** Datagrams of a link that were refused, by why. */
export interface LinkRefusals {
  /** The MAC is wrong: another key, or made up. */
  forged: number;
  replayed: number;
  malformed: number;
  /** Of another version of the protocol. */
  version: number;
}
