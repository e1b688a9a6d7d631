export * from './endpoint.ts';
export * from './error-code.ts';
export * from './frame.ts';
export * from './ids.ts';
export * from './media-fanout.ts';
export * from './session.ts';
