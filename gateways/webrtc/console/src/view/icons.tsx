import type { JSX } from 'preact';

/** Line icons, 24 × 24, drawn in the colour of the text. */
const PATHS = {
  microphone: 'M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5 11v1a7 7 0 0 0 14 0v-1M12 19v3',
  'microphone-off':
    'M3 3l18 18M9 9v3a3 3 0 0 0 4.6 2.5M15 11.5V6a3 3 0 0 0-5.9-.8M5 11v1a7 7 0 0 0 10.9 5.8M19 11v1c0 .8-.1 1.5-.4 2.2M12 19v3',
  camera:
    'M4 6h9a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2ZM15 10.5l5.2-3a.5.5 0 0 1 .8.4v8.2a.5.5 0 0 1-.8.4l-5.2-3',
  'camera-off':
    'M3 3l18 18M15 11V8a2 2 0 0 0-2-2h-3M6 6H4a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h9c.7 0 1.3-.3 1.7-.8M15 10.500l5.2-3a.5.5 0 0 1 .8.4v8.2c0 .2-.1.3-.2.4',
  screen:
    'M4 4h16a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2ZM8 21h8M12 17v4M12 13.500V8M9.5 10.2 12 7.700l2.5 2.5',
  leave: 'M3 14.500c5-4.7 13-4.7 18 0l-2 2.5-4-1.700v-2.400a12.5 12.5 0 0 0-6 0v2.400L5 17l-2-2.500Z',
  people:
    'M9 11.500a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 19.500c.6-3.3 3.2-5 6.5-5s5.9 1.7 6.5 5M16 4.800a3.5 3.5 0 0 1 0 6.400M18 14.900c1.9.7 3.1 2.2 3.5 4.6',
  pin: 'M9 3h6l-.7 6.5 3.2 3.500H6.500l3.2-3.500L9 3ZM12 13v8',
  expand: 'M8 3H5a2 2 0 0 0-2 2v3M16 3h3a2 2 0 0 1 2 2v3M8 21H5a2 2 0 0 1-2-2v-3M16 21h3a2 2 0 0 0 2-2v-3',
  copy: 'M9 9h10a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-8a2 2 0 0 1-2-2V9ZM5 15H4a1 1 0 0 1-1-1V5a2 2 0 0 1 2-2h9a1 1 0 0 1 1 1v1',
  check: 'M5 12.500l4.5 4.500L19 7.5',
  close: 'M6 6l12 12M18 6L6 18',
  chevron: 'M6 9l6 6 6-6',
  browser:
    'M4 4h16a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2ZM2 9h20M6 6.500h.01M9 6.500h.01',
  broadcast:
    'M12 13.500a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM8.2 15.800a5.4 5.4 0 0 1 0-7.600M15.8 8.200a5.4 5.4 0 0 1 0 7.600M5.3 18.700a9.5 9.5 0 0 1 0-13.400M18.7 5.300a9.5 9.5 0 0 1 0 13.4',
  phone:
    'M6.6 3.5 9.5 4l1.2 4-2 1.600a13 13 0 0 0 5.7 5.700l1.6-2 4 1.2.5 2.900a2 2 0 0 1-2.1 2.300C10.8 19.2 4.8 13.2 4.3 5.600a2 2 0 0 1 2.3-2.100Z',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z',
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.700l-1.3 1.300M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.700l1.3-1.3',
  sound: 'M4 9.500v5h3.500L12 18.500v-13L7.5 9.500H4ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.500a7.8 7.8 0 0 1 0 11',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.500v2M12 19.500v2M2.5 12h2M19.5 12h2M5.3 5.300l1.4 1.400M17.3 17.300l1.4 1.400M18.7 5.300l-1.4 1.400M6.7 17.300l-1.4 1.4',
  moon: 'M20.5 14.200A8.7 8.7 0 0 1 9.8 3.500a8.7 8.7 0 1 0 10.7 10.700Z',
  rooms: 'M3 6h6c5 0 4 12 9 12h3M3 18h6c2 0 3-1.8 3.7-4M14.3 10c.7-2.2 1.7-4 3.7-4h3',
  pattern:
    'M4 4h16a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2ZM7 4v10M12 4v10M17 4v10M2 14h20',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name, size = 20 }: { name: IconName; size?: number }): JSX.Element => (
  <svg
    class="icon"
    width={size}
    height={size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width={name === 'more' ? 3 : 1.7}
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d={PATHS[name]} />
  </svg>
);

/** The mark: two tracks that cross over. */
export const Mark = ({ size = 28 }: { size?: number }): JSX.Element => (
  <svg class="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="8" fill="currentColor" />
    <path
      d="M7 10h5c5 0 3 12 8 12h5M7 22h5c1.7 0 2.6-1.4 3.3-3M16.7 13c.7-1.6 1.6-3 3.3-3h5"
      fill="none"
      stroke="var(--surface)"
      stroke-width="2.6"
      stroke-linecap="round"
    />
  </svg>
);
