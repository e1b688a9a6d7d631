import { describe, expect, test } from 'vitest';
import { DEFAULT_LOCAL_TRACK_CONFIG, type EndpointControl } from './endpoint.ts';
import { EndpointJournal } from './endpoint-journal.ts';
import { trackId } from './ids.ts';
import { ALL_PERMISSIONS } from './index.ts';

const join: EndpointControl = {
  type: 'join',
  app: 'default',
  room: 'demo',
  peer: 'ann',
  publish: { peer: true, tracks: true },
  subscribe: { peers: true, tracks: true },
  permissions: ALL_PERMISSIONS,
  replace: true,
};
const track = trackId(1);
const attach: EndpointControl = {
  type: 'local-track-attach',
  track,
  kind: 'video',
  source: { peer: 'bob', track: 'video_main' },
  config: DEFAULT_LOCAL_TRACK_CONFIG,
};
const start: EndpointControl = {
  type: 'remote-track-start',
  track,
  info: { name: 'video_main', kind: 'video', codec: 'vp8', layers: [] },
};
const mixer: EndpointControl = { type: 'mixer-attach', mode: 'manual', slots: [trackId(9)] };

const after = (...controls: EndpointControl[]): EndpointControl[] => {
  const journal = new EndpointJournal();
  for (const control of controls) journal.record(control);
  return journal.replay();
};

describe('what is told to a core that knows nothing', () => {
  const open: EndpointControl = { type: 'open', client: 'sdk' };
  const config = { priority: 7, maxSpatial: 0, maxTemporal: 0 };

  test.for<{ name: string; said: EndpointControl[]; told: EndpointControl[] }>([
    { name: 'a join, without its number', said: [open, { ...join, request: 4 }], told: [open, join] },
    { name: 'nothing after a leave', said: [open, join, attach, { type: 'leave' }], told: [open] },
    { name: 'nothing at all after a close', said: [open, join, { type: 'close' }], told: [] },
    {
      name: 'the second room only',
      said: [join, attach, start, { ...join, room: 'other' }],
      told: [{ ...join, room: 'other' }],
    },
    {
      name: 'one’s metadata of now',
      said: [join, { type: 'update-peer', metadata: 'b' }],
      told: [{ ...join, metadata: 'b' }],
    },
    {
      name: 'a track with its changes',
      said: [join, start, { type: 'remote-track-update', track, priority: 5 }],
      told: [join, { ...start, info: { ...start.info, priority: 5 } }],
    },
    {
      name: 'an attachment with its config of now',
      said: [join, attach, { type: 'local-track-config', track, config }],
      told: [join, { ...attach, config }],
    },
    {
      name: 'a mixer with its sources of now, paused',
      said: [
        join,
        mixer,
        { type: 'mixer-config', sources: [{ peer: 'bob', track: 'a' }] },
        { type: 'mixer-config', paused: true },
      ],
      told: [join, { ...mixer, sources: [{ peer: 'bob', track: 'a' }], paused: true }],
    },
    {
      name: 'labels that are heard and said',
      said: [
        join,
        { type: 'channel-subscribe', label: 'a' },
        { type: 'channel-subscribe', label: 'b' },
        { type: 'channel-publish-start', label: 'c' },
        { type: 'channel-publish', label: 'a', data: 'once' },
        { type: 'channel-unsubscribe', label: 'b' },
      ],
      told: [join, { type: 'channel-subscribe', label: 'a' }, { type: 'channel-publish-start', label: 'c' }],
    },
    {
      name: 'nothing that was taken back',
      said: [
        join,
        attach,
        start,
        mixer,
        { type: 'subscribe-peer', peer: 'bob' },
        { type: 'channel-publish-start', label: 'c' },
        { type: 'local-track-detach', track },
        { type: 'remote-track-stop', track },
        { type: 'mixer-detach' },
        { type: 'unsubscribe-peer', peer: 'bob' },
        { type: 'channel-publish-stop', label: 'c' },
      ],
      told: [join],
    },
    {
      name: 'the last estimate, at the end',
      said: [
        join,
        { type: 'egress-estimate', bitrateBps: 1, congested: true },
        { type: 'egress-estimate', bitrateBps: 2, congested: false },
        attach,
        { type: 'local-track-keyframe-request', track },
      ],
      told: [join, attach, { type: 'egress-estimate', bitrateBps: 2, congested: false }],
    },
  ])('$name', ({ said, told }) => {
    expect(after(...said)).toEqual(told);
  });
});

describe('what was refused', () => {
  const refused = (before: EndpointControl[], control: EndpointControl): EndpointControl[] => {
    const journal = new EndpointJournal();
    for (const each of before) journal.record(each);
    journal.record(control)();
    return journal.replay();
  };
  const wrong = { priority: 0, maxSpatial: 2, maxTemporal: 2 };

  test.for<{ name: string; before: EndpointControl[]; control: EndpointControl }>([
    { name: 'a join: the room before is kept', before: [join, attach], control: { ...join, room: 'full' } },
    { name: 'a first join', before: [], control: join },
    { name: 'a new attachment', before: [join], control: attach },
    { name: 'another attachment', before: [join, attach], control: { ...attach, config: wrong } },
    {
      name: 'a config',
      before: [join, attach],
      control: { type: 'local-track-config', track, config: wrong },
    },
    {
      name: 'a change of a track',
      before: [join, start],
      control: { type: 'remote-track-update', track, priority: 0 },
    },
    { name: 'metadata', before: [join], control: { type: 'update-peer', metadata: 'x'.repeat(9999) } },
    { name: 'sources', before: [join, mixer], control: { type: 'mixer-config', sources: [] } },
    { name: 'a label', before: [join], control: { type: 'channel-subscribe', label: ' ' } },
  ])('$name', ({ before, control }) => {
    expect(refused(before, control)).toEqual(after(...before));
  });

  test('does not take back what came after it', () => {
    const journal = new EndpointJournal();
    journal.record(join);
    const undo = journal.record({ ...attach, config: wrong });
    journal.record(attach);
    undo();
    expect(journal.replay()).toEqual([join, attach]);
  });
});
