export { openSrtpKernel } from './kernel/open-kernel.ts';
export { SrtpKernel } from './kernel/srtp-kernel.ts';
export * from './srtp-batch.ts';
export * from './srtp-memory.ts';
export * from './srtp-profile.ts';
export * from './srtp-receiver.ts';
export * from './srtp-sender.ts';
