export interface ErrorMeaning {
  readonly httpStatus: number;
  readonly sipStatus: number;
  readonly sentence: string;
}

/** The closed union of error codes. */
export type ErrorCode =
  | 'invalid-request'
  | 'invalid-sdp'
  | 'invalid-name'
  | 'not-in-room'
  | 'unknown-room'
  | 'unknown-peer'
  | 'unknown-track'
  | 'unknown-layer'
  | 'unknown-endpoint'
  | 'peer-name-taken'
  | 'track-name-taken'
  | 'replaced'
  | 'invalid-priority'
  | 'invalid-layer-limits'
  | 'wrong-mixer-mode'
  | 'token-required'
  | 'token-invalid'
  | 'token-expired'
  | 'not-allowed'
  | 'kicked'
  | 'room-closed'
  | 'unsupported-codec'
  | 'unsupported-reordering'
  | 'unsupported-feature'
  | 'limit-exceeded'
  | 'overloaded'
  | 'core-unavailable'
  | 'draining'
  | 'timeout'
  | 'internal-error';

/**
 * Everything that can be wrong with what a client or a gateway asked for, as one closed union that crosses the
 * wire as it is. `httpStatus` and `sipStatus` say it in WHIP/WHEP's and a phone's own words; `sentence` is what a
 * person reads (RTMP `description`, problem+json `title`, SDK error message).
 */
export const ERROR_CODES: Readonly<Record<ErrorCode, ErrorMeaning>> = {
  'invalid-request': { httpStatus: 400, sipStatus: 400, sentence: 'The request is malformed.' },
  'invalid-sdp': { httpStatus: 400, sipStatus: 400, sentence: 'The session description is malformed.' },
  'invalid-name': {
    httpStatus: 400,
    sipStatus: 404,
    sentence: 'A room, peer or track name takes 1 to 64 letters, digits or any of . _ ~ @ + -',
  },
  'not-in-room': { httpStatus: 409, sipStatus: 403, sentence: 'Join a room first.' },
  'unknown-room': { httpStatus: 404, sipStatus: 404, sentence: 'There is no such room.' },
  'unknown-peer': { httpStatus: 404, sipStatus: 404, sentence: 'There is no such peer in the room.' },
  'unknown-track': { httpStatus: 404, sipStatus: 404, sentence: 'There is no such track.' },
  'unknown-layer': { httpStatus: 404, sipStatus: 404, sentence: 'The source has no such layer.' },
  'unknown-endpoint': { httpStatus: 404, sipStatus: 481, sentence: 'There is no such session.' },
  'peer-name-taken': {
    httpStatus: 409,
    sipStatus: 486,
    sentence: 'Somebody with this name is already in the room: choose another name.',
  },
  'track-name-taken': {
    httpStatus: 409,
    sipStatus: 486,
    sentence: 'This session publishes a track of this name already.',
  },
  replaced: { httpStatus: 409, sipStatus: 487, sentence: 'The same peer joined from somewhere else.' },
  'invalid-priority': {
    httpStatus: 400,
    sipStatus: 400,
    sentence: 'A priority is a whole number from 1 to 1000.',
  },
  'invalid-layer-limits': {
    httpStatus: 400,
    sipStatus: 400,
    sentence: 'A minimum layer is above its maximum.',
  },
  'wrong-mixer-mode': { httpStatus: 409, sipStatus: 403, sentence: 'The audio mixer is not in this mode.' },
  // A phone is not told 401: that asks for a digest (RFC 3261 §22.2), which is no token.
  'token-required': {
    httpStatus: 401,
    sipStatus: 403,
    sentence: 'A token is required to enter this room.',
  },
  'token-invalid': { httpStatus: 401, sipStatus: 403, sentence: 'The token is not valid.' },
  'token-expired': {
    httpStatus: 401,
    sipStatus: 403,
    sentence: 'The token has expired: ask for a new one.',
  },
  'not-allowed': { httpStatus: 403, sipStatus: 403, sentence: 'This session may not do that.' },
  kicked: { httpStatus: 403, sipStatus: 603, sentence: 'An administrator ended this session.' },
  'room-closed': { httpStatus: 410, sipStatus: 480, sentence: 'An administrator closed the room.' },
  'unsupported-codec': { httpStatus: 406, sipStatus: 488, sentence: 'No codec in common.' },
  'unsupported-reordering': {
    httpStatus: 406,
    sipStatus: 488,
    sentence:
      'Browsers cannot play video with B-frames. In OBS set Output > Encoder: Tune to zerolatency (or "bframes=0") and Keyframe Interval to 2 s.',
  },
  'unsupported-feature': { httpStatus: 501, sipStatus: 501, sentence: 'The server does not do this.' },
  'limit-exceeded': { httpStatus: 429, sipStatus: 486, sentence: 'A limit of the server was reached.' },
  overloaded: { httpStatus: 503, sipStatus: 503, sentence: 'The server is full: try again later.' },
  'core-unavailable': {
    httpStatus: 503,
    sipStatus: 503,
    sentence: 'The server is starting: try again in a moment.',
  },
  draining: { httpStatus: 503, sipStatus: 503, sentence: 'The server is shutting down.' },
  timeout: { httpStatus: 504, sipStatus: 408, sentence: 'The other side did not answer in time.' },
  'internal-error': { httpStatus: 500, sipStatus: 500, sentence: 'Something went wrong in the server.' },
};

/** What was refused and why, as data: `detail` names the offending key or value, for a developer. */
export interface ProtocolError {
  readonly code: ErrorCode;
  readonly detail?: string;
}

/** One sentence for a person: what the code means, and the detail when there is one. */
export const describeError = (error: ProtocolError): string =>
  error.detail === undefined
    ? ERROR_CODES[error.code].sentence
    : `${ERROR_CODES[error.code].sentence} (${error.detail})`;
