import { type SdkErrorCode, SwitchyardError } from '@switchyard/sdk';

/** What went wrong and what helps, for a person. */
export interface Explanation {
  readonly title: string;
  readonly text: string;
  /** For a developer or a support desk. */
  readonly code: string;
}

/** Headings where the server's sentence alone does not say what to do. */
const TITLES: Partial<Record<SdkErrorCode, string>> = {
  'connection-lost': 'The server cannot be reached',
  'core-unavailable': 'The server is starting',
  overloaded: 'The server is full',
  draining: 'The server is shutting down',
  replaced: 'You joined from somewhere else',
  'not-allowed': 'You are not allowed in',
  'token-required': 'A token is needed',
  'token-invalid': 'The token is not valid',
  'token-expired': 'The token has expired',
  kicked: 'You were removed',
  'room-closed': 'The room was closed',
  'invalid-name': 'This name cannot be used',
  'peer-name-taken': 'This name is taken',
  'unsupported-browser': 'This browser cannot do video calls',
  'unsupported-codec': 'No codec in common',
  'media-failed': 'No media path',
  'limit-exceeded': 'A limit was reached',
  timeout: 'The server does not answer',
};

const HINTS: Partial<Record<SdkErrorCode, string>> = {
  'token-required': 'Open this page with ?token= and a token for this room, made by POST /v1/tokens.',
  'token-expired': 'Open this page with a new one.',
  'connection-lost': 'Check that it is running and that you are online, then try again.',
  'core-unavailable': 'The core process is not up yet. Try again in a moment.',
  replaced: 'The same name came into this room in another window. It is shown there now.',
  'media-failed': 'The browser and the server could not exchange media. A firewall may block UDP.',
  'unsupported-browser': 'Use a current Chrome, Edge, Firefox or Safari.',
};

/** What a device or the screen refused (DOMException names of getUserMedia and getDisplayMedia). */
const DEVICE_SENTENCES: Readonly<Record<string, string>> = {
  NotAllowedError: 'The browser did not allow it. Use the camera icon in the address bar to change that.',
  NotFoundError: 'No such device was found.',
  NotReadableError: 'The device is in use by another program.',
  OverconstrainedError: 'The device cannot do what was asked of it.',
  SecurityError: 'Devices can be used on https pages and on localhost only.',
  TypeError: 'Devices can be used on https pages and on localhost only.',
};

export const explainError = (error: unknown): Explanation => {
  if (error instanceof SwitchyardError) {
    const text = HINTS[error.code] ?? error.message;
    return { title: TITLES[error.code] ?? 'That did not work', text, code: error.code };
  }
  if (error instanceof Error) return { title: 'That did not work', text: error.message, code: error.name };
  return { title: 'That did not work', text: 'Something went wrong.', code: 'unknown' };
};

/** @param what For instance `Camera`. @returns Undefined when a person just closed the chooser. */
export const explainDevice = (what: string, error: unknown): Explanation | undefined => {
  const name = error instanceof Error ? error.name : 'unknown';
  if (what === 'Screen' && name === 'NotAllowedError') return undefined;
  return {
    title: `${what} not available`,
    text: DEVICE_SENTENCES[name] ?? (error instanceof Error ? error.message : 'The device gave no reason.'),
    code: name,
  };
};
