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
const follower = (): WhepFollower => new WhepFollower((codec) => codec !== 'av1');

describe('WhepFollower', () => {
  test('watches the newest picture while nobody speaks', () => {
    const follow = follower();
    expect(follow.video).toBeUndefined();
    follow.onTrackStarted('ann', video(), 0);
    follow.onTrackStarted('bob', video(), 10);
    expect(follow.video).toEqual({ peer: 'bob', track: 'video_main' });
  });

  test('goes to who speaks, but not for a single sound', () => {
    const follow = follower();
    follow.onTrackStarted('ann', video(), 0);
    follow.onTrackStarted('bob', video(), 0);
    follow.onVoice('ann', 1000);
    expect(follow.video?.peer).toBe('bob');
    follow.onVoice('ann', 1500);
    expect(follow.video?.peer).toBe('ann');
  });

  test('stays with a speaker whom somebody interrupts, and leaves when he is silent', () => {
    const follow = follower();
    follow.onTrackStarted('ann', video(), 0);
    follow.onTrackStarted('bob', video(), 0);
    for (let at = 0; at <= 2000; at += 500) {
      follow.onVoice('bob', at);
      follow.onVoice('ann', at + 1);
    }
    expect(follow.video?.peer).toBe('bob');
    follow.onVoice('ann', 3000);
    follow.onVoice('ann', 3600);
    expect(follow.video?.peer).toBe('ann');
  });

  test('a new picture is not taken from somebody who speaks', () => {
    const follow = follower();
    follow.onTrackStarted('ann', video(), 0);
    follow.onVoice('ann', 500);
    follow.onVoice('ann', 1000);
    follow.onTrackStarted('bob', video(), 1100);
    expect(follow.video?.peer).toBe('ann');
    follow.onTrackStarted('ann', video('screen'), 1200);
    expect(follow.video?.track).toBe('screen');
  });

  test('falls back when a picture ends: to the last speaker, then to the newest, then to nothing', () => {
    const follow = follower();
    for (const peer of ['ann', 'bob', 'cem']) follow.onTrackStarted(peer, video(), 0);
    follow.onVoice('ann', 100);
    follow.onTrackStopped('cem', 'video_main');
    expect(follow.video?.peer).toBe('ann');
    follow.onPeerLeft('ann');
    expect(follow.video?.peer).toBe('bob');
    follow.onTrackStopped('bob', 'video_main');
    expect(follow.video).toBeUndefined();
  });

  test('a speaker without a picture changes nothing', () => {
    const follow = follower();
    follow.onTrackStarted('ann', video(), 0);
    follow.onVoice('phone', 0);
    follow.onVoice('phone', 500);
    follow.onVoice('phone', 1000);
    expect(follow.video?.peer).toBe('ann');
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
    follow.onTrackStopped('ann', 'music');
    expect(follow.audio?.track).toBe('audio_main');
  });
});
