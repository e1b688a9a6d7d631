/** Size and rate of the test picture. */
const WIDTH = 1280;
const HEIGHT = 720;
const FRAMES_PER_S = 30;
/** A soft A4. */
const TONE_HZ = 440;
const TONE_GAIN = 0.08;
const BARS = ['#e8e8e8', '#d9c94a', '#4ac3d0', '#4fbf62', '#b556b8', '#cf4a4a', '#3f57b5'];

export interface TestPattern {
  readonly video: MediaStreamTrack;
  readonly audio: MediaStreamTrack;
  stop(): void;
}

/** Colour bars, a sweeping hand, a running clock, and a tone: something to send without a camera. */
export const startTestPattern = (label: string): TestPattern => {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext('2d', { alpha: false });
  const draw = (): void => {
    if (context !== null) drawPattern(context, label, Date.now());
  };
  draw();
  // A timer, not requestAnimationFrame: that one rests while the page is hidden.
  const timer = setInterval(draw, 1000 / FRAMES_PER_S);
  const audio = new AudioContext();
  const tone = new OscillatorNode(audio, { frequency: TONE_HZ });
  const gain = new GainNode(audio, { gain: TONE_GAIN });
  const destination = audio.createMediaStreamDestination();
  tone.connect(gain).connect(destination);
  tone.start();
  void audio.resume();
  const video = canvas.captureStream(FRAMES_PER_S).getVideoTracks()[0];
  const sound = destination.stream.getAudioTracks()[0];
  if (video === undefined || sound === undefined) throw new Error('This browser cannot make a test picture.');
  return {
    video,
    audio: sound,
    stop: () => {
      clearInterval(timer);
      video.stop();
      sound.stop();
      void audio.close();
    },
  };
};

const drawPattern = (context: CanvasRenderingContext2D, label: string, nowMs: number): void => {
  const barWidth = WIDTH / BARS.length;
  for (const [index, colour] of BARS.entries()) {
    context.fillStyle = colour;
    context.fillRect(Math.floor(index * barWidth), 0, Math.ceil(barWidth), HEIGHT);
  }
  context.fillStyle = '#111418';
  context.fillRect(0, HEIGHT * 0.68, WIDTH, HEIGHT * 0.32);
  const angle = ((nowMs % 2000) / 2000) * 2 * Math.PI - Math.PI / 2;
  context.lineWidth = 10;
  context.strokeStyle = '#ffffff';
  context.beginPath();
  context.arc(WIDTH - 140, HEIGHT * 0.84, 70, -Math.PI / 2, angle);
  context.stroke();
  context.fillStyle = '#ffffff';
  context.font = '600 64px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.fillText(label, 60, HEIGHT * 0.79);
  context.font = '44px ui-monospace, monospace';
  context.fillStyle = '#a9b1bb';
  context.fillText(new Date(nowMs).toISOString().slice(11, 23), 60, HEIGHT * 0.9);
};
