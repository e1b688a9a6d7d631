import { DROP_REASONS, type DropReason } from './drop-reason.ts';

/** `up`, `down`: a viewer's spatial layer changed. `source`: another source, or its stream began anew. */
export const SWITCH_KINDS = ['up', 'down', 'source'] as const;
export type SwitchKind = (typeof SWITCH_KINDS)[number];

/** What the forwarding path of an engine counts. Plain arrays, by index of {@link DROP_REASONS} and {@link SWITCH_KINDS}. */
export class ForwardCounters {
  readonly drops: Float64Array = new Float64Array(DROP_REASONS.length);
  readonly switches: Float64Array = new Float64Array(SWITCH_KINDS.length);

  /** Hot path. @param reason Index in {@link DROP_REASONS}. */
  drop(reason: number): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }

  /** @param before −1 when nothing of the source flowed. */
  switched(before: number, after: number): void {
    const kind = before < 0 ? 2 : after > before ? 0 : 1;
    this.switches[kind] = (this.switches[kind] ?? 0) + 1;
  }
}

/** Counts by name, for whoever reads them. */
export const byReason = (drops: ArrayLike<number>): Readonly<Record<DropReason, number>> =>
  Object.fromEntries(DROP_REASONS.map((reason, index) => [reason, drops[index] ?? 0])) as Record<
    DropReason,
    number
  >;

export const bySwitchKind = (switches: ArrayLike<number>): Readonly<Record<SwitchKind, number>> =>
  Object.fromEntries(SWITCH_KINDS.map((kind, index) => [kind, switches[index] ?? 0])) as Record<
    SwitchKind,
    number
  >;
