import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export interface SelfVideoProps {
  readonly track: MediaStreamTrack;
  /** As in a mirror: what people expect of their own face, and of nothing else. */
  readonly mirrored: boolean;
  readonly testId: string;
}

/** One's own picture, straight from the device. */
export const SelfVideo = ({ track, mirrored, testId }: SelfVideoProps): JSX.Element => {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current !== null) video.current.srcObject = new MediaStream([track]);
  }, [track]);
  return (
    <video
      ref={video}
      class={mirrored ? 'video mirrored' : 'video'}
      autoPlay
      muted
      playsInline
      data-testid={testId}
    />
  );
};
