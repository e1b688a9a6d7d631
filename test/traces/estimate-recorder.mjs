/**
 * Preloaded into the WebRTC gateway by `record.ts`: writes down what each viewer's congestion control is asked and told, as
 * lines of JSON [viewer, kind, milliseconds since 1970, …]. It wraps the methods of the built classes from outside, so that
 * the product has nothing to record with. Plain JavaScript, because the built processes load no TypeScript.
 */
import { appendFileSync } from 'node:fs';

const FLUSH_MS = 200;
const file = process.env.TRACE_FILE;
const isGateway = process.argv[1]?.endsWith('gateways/webrtc/dist/server/main.js');

async function record() {
  const from = (path) => import(new URL(`../../${path}`, import.meta.url).href);
  const { CongestionEstimate } = await from('gateways/webrtc/dist/server/congestion/estimate.js');
  const { ClientControl } = await from('gateways/webrtc/dist/server/send/client-control.js');
  const { LinkedEndpoint } = await from('shared/dist/runtime/link/linked-endpoint.js');
  const lines = [];
  const viewers = new WeakMap();
  let count = 0;
  /** The client control that is at work: what the core is told meanwhile is of its estimate. */
  let current;
  const now = () => performance.timeOrigin + performance.now();
  const write = (estimate, kind, nowMs, ...facts) => {
    let viewer = viewers.get(estimate);
    if (viewer === undefined) {
      viewer = count++;
      viewers.set(estimate, viewer);
    }
    lines.push(JSON.stringify([viewer, kind, nowMs, ...facts]));
  };
  const wrap = (prototype, name, around) => {
    const original = prototype[name];
    prototype[name] = function (...args) {
      return around.call(this, args, () => original.apply(this, args));
    };
  };
  wrap(CongestionEstimate.prototype, 'sent', function ([bytes, cluster, nowMs], call) {
    write(this, 'sent', nowMs, bytes, cluster);
    return call();
  });
  wrap(CongestionEstimate.prototype, 'onFeedback', function ([feedback, nowMs], call) {
    const { baseSeq, arrivalsMs, referenceMs, feedbackCount } = feedback;
    write(this, 'feedback', nowMs, baseSeq, referenceMs, feedbackCount, arrivalsMs);
    return call();
  });
  wrap(CongestionEstimate.prototype, 'setDemand', function ([desiredBps], call) {
    write(this, 'demand', now(), desiredBps);
    return call();
  });
  wrap(CongestionEstimate.prototype, 'nextProbe', function ([nowMs], call) {
    const probe = call();
    write(this, 'tick', nowMs, probe?.id ?? 0);
    return probe;
  });
  wrap(ClientControl.prototype, 'enqueue', function ([packet, nowMs], call) {
    const { isRepair, slot, stream, wireBytes, startsKeyframe } = packet;
    if (isRepair) write(this.estimate, 'repair', nowMs, wireBytes);
    else if (slot?.isVideo === true) write(this.estimate, 'video', nowMs, wireBytes, stream, startsKeyframe);
    else write(this.estimate, 'audio', nowMs, wireBytes);
    return call();
  });
  for (const name of ['negotiated', 'onFeedback', 'tick', 'onRemb', 'onLossReport', 'pathChanged'])
    wrap(ClientControl.prototype, name, function (_, call) {
      current = this;
      const result = call();
      current = undefined;
      return result;
    });
  wrap(LinkedEndpoint.prototype, 'control', ([control], call) => {
    if (control.type === 'egress-estimate' && current !== undefined)
      write(current.estimate, 'told', now(), control.bitrateBps, control.congested);
    return call();
  });
  const flush = () => {
    if (lines.length > 0) appendFileSync(file, `${lines.splice(0).join('\n')}\n`);
  };
  setInterval(flush, FLUSH_MS).unref();
  process.once('exit', flush);
}

if (file !== undefined && isGateway) await record();
