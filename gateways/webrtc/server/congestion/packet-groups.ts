/** Packets sent within this time of the first one are one group, milliseconds. */
const GROUP_MS = 5;
/** Packets that arrive this close together though they were sent apart were held up together: still one group. */
const BURST_GAP_MS = 5;
const BURST_MAX_MS = 100;
/** An arrival this much before the one before it: the receiver's clock was set. Start anew, milliseconds. */
const CLOCK_STEP_MS = 3000;

interface Group {
  firstSentMs: number;
  lastSentMs: number;
  firstArrivalMs: number;
  lastArrivalMs: number;
}

/** The change of delay between two groups. */
export interface GroupDelta {
  readonly sendDeltaMs: number;
  readonly arrivalDeltaMs: number;
  readonly arrivalMs: number;
  /** Of the group's last packet, arrival less sending: only differences mean something. */
  readonly delayMs: number;
}

/** Puts arrivals together that left together, and compares each group with the one before. Pure. */
export class PacketGroups {
  #current: Group | undefined;
  #previous: Group | undefined;

  /** @returns What the group that just ended says, when there was one before it. */
  add(sentMs: number, arrivalMs: number): GroupDelta | undefined {
    const current = this.#current;
    if (current === undefined || arrivalMs < current.lastArrivalMs - CLOCK_STEP_MS) {
      this.#previous = undefined;
      this.#current = newGroup(sentMs, arrivalMs);
      return undefined;
    }
    // Sent before the group it comes with: reordered on the way.
    if (sentMs < current.firstSentMs) return undefined;
    if (belongs(current, sentMs, arrivalMs)) {
      current.lastSentMs = Math.max(current.lastSentMs, sentMs);
      current.lastArrivalMs = Math.max(current.lastArrivalMs, arrivalMs);
      return undefined;
    }
    const previous = this.#previous;
    this.#previous = current;
    this.#current = newGroup(sentMs, arrivalMs);
    if (previous === undefined) return undefined;
    return {
      sendDeltaMs: current.lastSentMs - previous.lastSentMs,
      arrivalDeltaMs: current.lastArrivalMs - previous.lastArrivalMs,
      arrivalMs: current.lastArrivalMs,
      delayMs: current.lastArrivalMs - current.lastSentMs,
    };
  }
}

const newGroup = (sentMs: number, arrivalMs: number): Group => ({
  firstSentMs: sentMs,
  lastSentMs: sentMs,
  firstArrivalMs: arrivalMs,
  lastArrivalMs: arrivalMs,
});

function belongs(group: Group, sentMs: number, arrivalMs: number): boolean {
  if (sentMs - group.firstSentMs <= GROUP_MS) return true;
  const arrivalDelta = arrivalMs - group.lastArrivalMs;
  const propagationDelta = arrivalDelta - (sentMs - group.lastSentMs);
  return (
    propagationDelta < 0 && arrivalDelta <= BURST_GAP_MS && arrivalMs - group.firstArrivalMs < BURST_MAX_MS
  );
}
