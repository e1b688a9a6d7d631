export * from './config.ts';
export * from './link/control-schema.ts';
export { CoreLink, type CoreLinkOptions } from './link/core-link.ts';
export * from './link/frame-splitter.ts';
export * from './link/link-hello.ts';
export * from './link/link-writer.ts';
export { readJson } from './link/read-json.ts';
export * from './link-endpoint.ts';
export * from './logger.ts';
