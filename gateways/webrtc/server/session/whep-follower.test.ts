import type { Codec } from '@switchyard/shared/media';
import { describe, expect, test } from 'vitest';
import { WhepFollower } from './whep-follower.ts';

const video = (name = 'video_main', codec: Codec = 'vp8') => ({
  name,
  kind: 'video' as const,
  codec,
  layers: [],
});
const audio = (name = 'audio_main') => ({ name, kind: 'audio' as const, codec: 'opus' as const, layers: [] });
const follower = (...peers: string[]): WhepFollower => {
  const follow = new WhepFollower((codec) => codec !== 'av1');
  for (const peer of peers) follow.onTrackStarted(peer, video(), 0);
  return follow;
};

describe('WhepFollower', () => {
  test('watches the newest picture while nobody speaks', () => {
    expect(follower().video).toBeUndefined();
    expect(follower('ann', 'bob').video).toEqual({ peer: 'bob', track: 'video_main' });
  });

  test('goes to who speaks, and stays there when everybody is silent', () => {
    const follow = follower('ann', 'bob');
    follow.onActiveSpeaker('ann', 0);
    expect(follow.video?.peer).toBe('ann');
    follow.onActiveSpeaker(undefined, 0);
    expect(follow.video?.peer).toBe('ann');
  });

  test('a new picture is taken, but not from the active speaker', () => {
    const follow = follower('ann');
    follow.onActiveSpeaker('ann', 0);
    follow.onTrackStarted('bob', video(), 0);
    expect(follow.video?.peer).toBe('ann');
    follow.onTrackStarted('ann', video('screen'), 0);
    expect(follow.video?.track).toBe('screen');
    follow.onActiveSpeaker(undefined, 0);
    follow.onTrackStarted('cem', video(), 0);
    expect(follow.video?.peer).toBe('cem');
  });

  test('falls back when a picture ends: to the last speaker, then to the newest, then to nothing', () => {
    const follow = follower('ann', 'bob', 'cem');
    follow.onActiveSpeaker('ann', 0);
    follow.onActiveSpeaker('cem', 0);
    follow.onTrackStopped('cem', 'video_main', 0);
    expect(follow.video?.peer).toBe('ann');
    follow.onPeerLeft('ann', 0);
    expect(follow.video?.peer).toBe('bob');
    follow.onTrackStopped('bob', 'video_main', 0);
    expect(follow.video).toBeUndefined();
  });

  test('a speaker without a picture changes nothing, until it has one', () => {
    const follow = follower('ann');
    follow.onActiveSpeaker('phone', 0);
    expect(follow.video?.peer).toBe('ann');
    follow.onTrackStarted('phone', video(), 0);
    expect(follow.video?.peer).toBe('phone');
  });

  test('a codec that the viewer does not take is not watched', () => {
    const follow = follower();
    follow.onTrackStarted('ann', video('video_main', 'av1'), 0);
    expect(follow.video).toBeUndefined();
  });

  test('picks the newest audio, and the one before when that ends', () => {
    const follow = follower();
    follow.onTrackStarted('ann', audio(), 0);
    follow.onTrackStarted('ann', audio('music'), 0);
    expect(follow.audio?.track).toBe('music');
    follow.onTrackStopped('ann', 'music', 0);
    expect(follow.audio?.track).toBe('audio_main');
  });

  test('remembers a bounded number of speakers', () => {
    const follow = follower('ann', 'bob');
    follow.onActiveSpeaker('ann', 0);
    for (let guest = 0; guest < 100; guest += 1) follow.onActiveSpeaker(`guest-${guest}`, 0);
    follow.onPeerLeft('ann', 0);
    expect(follow.video?.peer).toBe('bob');
  });
});
