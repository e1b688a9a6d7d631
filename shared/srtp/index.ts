export * from './srtp-profile.ts';
export * from './srtp-receiver.ts';
export * from './srtp-sender.ts';
