/** What was measured of the way to a neighbour. */
export interface LinkMeasurement {
  readonly rttMs: number;
  /** Share of probes that were lost, 0…1. */
  readonly loss: number;
  /** How busy the neighbour says it is, 0…1. */
  readonly load: number;
}

/** Added by every hop: processing, pacing, and a preference for fewer of them, milliseconds. */
export const HOP_COST_MS: number = 2;
/** Above this loss a link is bad whatever its delay. */
const LOSS_HIGH = 0.05;
/** Above this load a neighbour is spared. */
const LOAD_HIGH = 0.7;

/**
 * Cost of a link, in milliseconds of one-way delay: half the round trip, what repairs of lost packets add on average
 * (a tenth of packets lost cost one round trip), and penalties for high loss and for a busy neighbour.
 */
export function linkCostMs({ rttMs, loss, load }: LinkMeasurement): number {
  const busy = load <= LOAD_HIGH ? 0 : 50 * ((load - LOAD_HIGH) / (1 - LOAD_HIGH)) ** 2;
  return (
    rttMs / 2 + rttMs * Math.min(1, 10 * loss) + 1000 * Math.max(0, loss - LOSS_HIGH) + HOP_COST_MS + busy
  );
}
