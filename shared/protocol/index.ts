export * from './endpoint.ts';
export * from './endpoint-journal.ts';
export * from './error-code.ts';
export * from './frame.ts';
export * from './ids.ts';
export * from './media-fanout.ts';
export * from './room-mirror.ts';
export * from './session.ts';
