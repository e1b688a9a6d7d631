import type { LayerReason } from '@switchyard/shared/protocol';
import type { ChannelFan } from '../../room/channel-fan.ts';
import type { LocalTrack } from '../local-track.ts';
import { allocateEgress, type TrackDemand, type TrackShare } from './egress-allocator.ts';
import { EstimateWindow } from './estimate-window.ts';
import { limitSteps, stepAt } from './layer-limits.ts';
import { UpgradeGuard } from './upgrade-guard.ts';

/** How often layers are chosen anew while the estimate moves, and while it does not, milliseconds. */
const MOVING_MS = 200;
const STEADY_MS = 1000;
/** An estimate moves when it differs by this share; its windows follow for some time. */
const MOVE = 0.02;
const SETTLE_MS = 3000;
/** Layers go up on the least estimate of this time and stay up on the most of that one, milliseconds. */
const UP_WINDOW_MS = 1500;
const HOLD_WINDOW_MS = 1000;
/** Going up needs this much more than the layers cost; staying up tolerates as much over the estimate. */
const UP_HEADROOM = 1.1;
const HOLD_TOLERANCE = 1.05;
/**
 * Nothing goes up while the gateway warns of congestion, but for no longer than this, milliseconds: by then the estimate has
 * followed, and a client that has fallen silent can end no warning.
 */
const WARNING_MS = 3000;
/** Below this share of what is sent an estimate is believed at once. */
const DEEP_DROP = 0.7;
/** A picture is taken away only when the link has been too small for this long, milliseconds. */
const PAUSE_AFTER_MS = 2000;
/** In the first time with video the estimate knows little: at least this is tried, milliseconds and bits per second. */
const WARM_UP_MS = 5000;
export const WARM_UP_BPS: number = 300_000;
const WARM_UP_DESIRED_BPS = 1_000_000;
/** What a track whose encoder follows its viewers is sent with at the least: one encoding, or one with layers. */
export const BASE_SINGLE_BPS: number = 80_000;
export const BASE_LAYERED_BPS: number = 60_000;
/** An encoder is given room to grow by this factor at a time, so that what it cannot use is left to others. */
const GROWTH = 1.5;
/** A link should carry this much more than what is sent, and layers vary by that. */
const DESIRED_HEADROOM = 1.2;
const LAYER_VARIATION = 1.1;
/** Above it nothing is limited. */
export const UNLIMITED_BPS: number = 1e9;

interface Candidate {
  readonly track: LocalTrack;
  readonly demand: TrackDemand;
  readonly top: LayerReason;
  /** Step of the last decision; −1: paused; undefined: none yet. */
  readonly before: number | undefined;
  /** The publisher's encoder follows what viewers can use. */
  readonly isElastic: boolean;
  /** Everything that the source sends over what the viewer's top step costs: for a limited viewer of one stream. */
  readonly totalOverTop: number;
}

export interface EgressDemand {
  readonly currentBps: number;
  readonly desiredBps: number;
}

/**
 * Decides the layers of one viewer. The estimate of its link is noisy, so that there are two budgets: a low one (the least
 * of late, with headroom) to go up with, a high one (the most of late) to stay up with. In between nothing changes.
 */
export class EgressController {
  readonly #window = new EstimateWindow();
  readonly #guard = new UpgradeGuard();
  #hasEstimate = false;
  /** Since when the gateway warns of congestion; undefined: it does not. */
  #warnedMs: number | undefined;
  #firstVideoMs = -1;
  #shortSinceMs = -1;
  #peakAudioBps = 0;
  #steadyBps = 0;
  #movedMs = Number.NEGATIVE_INFINITY;
  #dueMs = Number.NEGATIVE_INFINITY;

  /** Bits per second; undefined until the gateway said something: then nothing is limited. */
  get estimateBps(): number | undefined {
    return this.#hasEstimate ? this.#window.latestBps : undefined;
  }

  /** When {@link allocate} is due next. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** @param congested The delay grows or packets are lost: an early warning, before the estimate has fallen. */
  onEstimate(bitrateBps: number, congested: boolean, nowMs: number): void {
    this.#hasEstimate = true;
    if (!congested) this.#warnedMs = undefined;
    else this.#warnedMs ??= nowMs;
    if (Math.abs(bitrateBps - this.#steadyBps) > this.#steadyBps * MOVE) {
      this.#steadyBps = bitrateBps;
      this.#movedMs = nowMs;
      this.#dueMs = Math.min(this.#dueMs, nowMs + MOVING_MS);
    }
    this.#window.add(Math.max(1, bitrateBps), nowMs);
  }

  /**
   * @param videos Tracks with a source.
   * @param audioBps What audio costs now: it is served before any picture.
   */
  allocate(videos: readonly LocalTrack[], audioBps: number, nowMs: number): EgressDemand {
    if (videos.some(({ position }) => position === undefined)) this.#movedMs = nowMs;
    this.#dueMs = nowMs + (nowMs - this.#movedMs < SETTLE_MS ? MOVING_MS : STEADY_MS);
    // Somebody who begins to speak should not cost anybody a layer.
    this.#peakAudioBps = Math.max(audioBps, this.#peakAudioBps * 0.99);
    if (this.#firstVideoMs < 0 && videos.some(({ packets }) => packets > 0)) this.#firstVideoMs = nowMs;
    const isWarmUp = this.#firstVideoMs < 0 || nowMs - this.#firstVideoMs < WARM_UP_MS;
    const candidates = videos.map((track) => this.#candidate(track, nowMs));
    const demands = candidates.map(({ demand }) => demand);
    const before = spentOn(candidates, ({ before: step }) => step ?? -1);
    const holdBps = this.#budget(this.#holdEstimate(before, nowMs) * HOLD_TOLERANCE, isWarmUp);
    const hold = allocateEgress(demands, holdBps);
    const upBps = this.#budget(this.#window.least(UP_WINDOW_MS, nowMs), isWarmUp);
    const isWarned = this.#warnedMs !== undefined && nowMs - this.#warnedMs < WARNING_MS;
    const atLeast = this.#guard.mayResume(nowMs)
      ? Math.max(
          before,
          spentOn(candidates, () => 0),
        )
      : before;
    const mayGoUp = !isWarned && this.#guard.mayGoUp(upBps, nowMs);
    const up = allocateEgress(
      demands,
      mayGoUp ? upBps / UP_HEADROOM : Math.min(upBps / UP_HEADROOM, atLeast),
    );
    let steps = candidates.map(({ before: step }, index) => decide(step, up[index], hold[index], isWarned));
    if (spentOn(candidates, (_, index) => steps[index] ?? -1) > holdBps) steps = hold.map(({ step }) => step);
    this.#keepPictures(candidates, steps, isWarmUp, nowMs);
    this.#note(candidates, steps, before > holdBps, upBps, nowMs);
    return this.#apply(candidates, steps, up, audioBps, isWarmUp, nowMs);
  }

  /** A deep drop is believed at once, a shallow one when it lasts. */
  #holdEstimate(spentBps: number, nowMs: number): number {
    const { latestBps } = this.#window;
    if (latestBps < (spentBps + this.#peakAudioBps) * DEEP_DROP) return latestBps;
    return this.#window.most(HOLD_WINDOW_MS, nowMs);
  }

  /** What of an estimate is left for video. */
  #budget(estimateBps: number, isWarmUp: boolean): number {
    if (!this.#hasEstimate) return Number.POSITIVE_INFINITY;
    return Math.max(0, (isWarmUp ? Math.max(estimateBps, WARM_UP_BPS) : estimateBps) - this.#peakAudioBps);
  }

  #candidate(track: LocalTrack, nowMs: number): Candidate {
    const { fan, config } = track;
    const all = fan?.costs.steps(nowMs) ?? [];
    const { steps, reason } = limitSteps(all, track.limits);
    const topBps = steps.at(-1)?.bitrateBps ?? 0;
    const isElastic = fan !== undefined && isAdaptive(fan);
    const lowestBps = steps[0]?.bitrateBps ?? 0;
    // While other viewers keep the encoder high, this one has to take what it sends.
    const follows = isElastic && fan.demandMaxBps <= Math.max(track.demandBps, BASE_SINGLE_BPS) * GROWTH;
    const baseBps = steps.length > 1 ? BASE_LAYERED_BPS : BASE_SINGLE_BPS;
    const demand: TrackDemand = {
      priority: config.priority,
      steps,
      floorBps: follows ? Math.min(lowestBps, baseBps) : lowestBps,
      ceilingBps: isElastic ? Math.max(topBps * GROWTH, baseBps * 2) : topBps,
    };
    const { position } = track;
    const before =
      position === undefined
        ? undefined
        : position === null
          ? -1
          : Math.max(0, stepAt(steps, position.spatial, position.temporal));
    return {
      track,
      demand,
      top: reason,
      before,
      isElastic,
      totalOverTop: topBps === 0 ? 1 : Math.max(1, (all.at(-1)?.bitrateBps ?? 0) / topBps),
    };
  }

  /** A picture that flows is not taken away for a moment's weakness; nor is the first one at the beginning. */
  #keepPictures(candidates: readonly Candidate[], steps: number[], isWarmUp: boolean, nowMs: number): void {
    const isLost = candidates.some(({ before }, index) => (before ?? -1) >= 0 && steps[index] === -1);
    if (!isLost) this.#shortSinceMs = -1;
    else if (this.#shortSinceMs < 0) this.#shortSinceMs = nowMs;
    if (isLost && nowMs - this.#shortSinceMs < PAUSE_AFTER_MS)
      for (const [index, { before }] of candidates.entries())
        if (steps[index] === -1 && (before ?? -1) >= 0) steps[index] = 0;
    if (!isWarmUp || steps.some((step) => step >= 0)) return;
    let first = -1;
    for (const [index, { demand }] of candidates.entries())
      if (demand.priority > (candidates[first]?.demand.priority ?? 0)) first = index;
    if (first >= 0) steps[first] = 0;
  }

  /** Tells the guard what became of its advice. */
  #note(
    candidates: readonly Candidate[],
    steps: readonly number[],
    isShort: boolean,
    upBps: number,
    nowMs: number,
  ): void {
    let up = false;
    let down = false;
    for (const [index, { before }] of candidates.entries()) {
      if (before === undefined) continue;
      up ||= (steps[index] ?? -1) > before;
      down ||= (steps[index] ?? -1) < before;
    }
    if (down && isShort) this.#guard.wentDown(nowMs);
    else if (up) this.#guard.wentUp(upBps, nowMs);
  }

  #apply(
    candidates: readonly Candidate[],
    steps: readonly number[],
    up: readonly TrackShare[],
    audioBps: number,
    isWarmUp: boolean,
    nowMs: number,
  ): EgressDemand {
    let currentBps = audioBps;
    let desiredBps = audioBps;
    for (const [index, candidate] of candidates.entries()) {
      const { track, demand } = candidate;
      const step = demand.steps[steps[index] ?? -1];
      const topBps = demand.steps.at(-1)?.bitrateBps ?? 0;
      const shareBps = up[index]?.shareBps ?? 0;
      currentBps += step?.bitrateBps ?? 0;
      // An encoder that is held down would use more than it sends now.
      const isHeldDown = candidate.isElastic && shareBps < topBps * LAYER_VARIATION;
      desiredBps += topBps * (isHeldDown ? GROWTH : LAYER_VARIATION);
      track.demandBps = this.#hasEstimate
        ? Math.min(UNLIMITED_BPS, shareBps * candidate.totalOverTop)
        : UNLIMITED_BPS;
      const reason = step === demand.steps.at(-1) ? candidate.top : shortReason(candidates, steps, index);
      if (step === undefined) track.setTarget(-1, -1, 0, reason, nowMs);
      else track.setTarget(step.spatial, step.temporal, step.bitrateBps, reason, nowMs);
    }
    desiredBps *= DESIRED_HEADROOM;
    if (isWarmUp && candidates.length > 0) desiredBps = Math.max(desiredBps, WARM_UP_DESIRED_BPS);
    return { currentBps: Math.round(currentBps), desiredBps: Math.round(desiredBps) };
  }
}

/** Up as far as the low budget carries, down as far as the high one makes necessary. */
function decide(
  before: number | undefined,
  up: TrackShare | undefined,
  hold: TrackShare | undefined,
  isWarned: boolean,
): number {
  const upStep = up?.step ?? -1;
  const holdStep = hold?.step ?? -1;
  // A new picture starts with what is sure; at all when the link may carry it.
  if (before === undefined) return Math.max(isWarned ? -1 : upStep, Math.min(0, holdStep));
  if (upStep > before && !isWarned) return upStep;
  return Math.min(before, holdStep);
}

function spentOn(
  candidates: readonly Candidate[],
  stepOf: (candidate: Candidate, index: number) => number,
): number {
  let sum = 0;
  for (const [index, candidate] of candidates.entries()) {
    const { steps, floorBps } = candidate.demand;
    const step = stepOf(candidate, index);
    const costBps = steps[step]?.bitrateBps ?? 0;
    sum += step === 0 ? Math.min(costBps, floorBps) : costBps;
  }
  return sum;
}

/** Not the best: because somebody who comes first has more, or because nobody can. */
function shortReason(candidates: readonly Candidate[], steps: readonly number[], index: number): LayerReason {
  const own = candidates[index]?.demand.priority ?? 0;
  const isOutranked = candidates.some(
    ({ demand }, other) => other !== index && demand.priority > own && (steps[other] ?? -1) >= 0,
  );
  return isOutranked ? 'priority' : 'estimate';
}

/** One encoding whose publisher can be asked to send less. */
const isAdaptive = ({ info, svc, spatialCount }: ChannelFan): boolean =>
  info !== undefined &&
  info.bitrateMode !== 'max' &&
  info.keyframeOnRequest !== false &&
  (svc || spatialCount === 1);
