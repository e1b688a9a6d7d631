/** What one may bring along into a room. `pattern`: a moving test picture and a soft tone, for machines without a camera. */
export type PublishSource = 'camera' | 'microphone' | 'screen' | 'pattern';

/** What the page's address asks for: `?room=demo&name=ada&publish=camera&autojoin=1`. */
export interface LaunchOptions {
  readonly room: string | undefined;
  readonly name: string | undefined;
  readonly autojoin: boolean;
  readonly publish: readonly PublishSource[];
  readonly token: string | undefined;
}

/** Words of `publish=`, comma separated. `camera` brings the microphone along, `video` does not. */
const WORDS: Readonly<Record<string, readonly PublishSource[]>> = {
  camera: ['camera', 'microphone'],
  video: ['camera'],
  mic: ['microphone'],
  microphone: ['microphone'],
  audio: ['microphone'],
  screen: ['screen'],
  pattern: ['pattern'],
  none: [],
};

const isTrue = (value: string | null): boolean => value === '' || value === '1' || value === 'true';

const filled = (value: string | null): string | undefined =>
  value === null || value.trim() === '' ? undefined : value.trim();

/** @param search As in `location.search`. Words it does not know are passed over. */
export const readLaunchOptions = (search: string): LaunchOptions => {
  const query = new URLSearchParams(search);
  const words = (query.get('publish') ?? '').toLowerCase().split(',');
  const autojoin = query.get('autojoin');
  return {
    room: filled(query.get('room')),
    name: filled(query.get('name')),
    autojoin: autojoin !== null && isTrue(autojoin),
    publish: [...new Set(words.flatMap((word) => WORDS[word.trim()] ?? []))],
    token: filled(query.get('token')),
  };
};
