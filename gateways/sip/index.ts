export { EmbeddedDriver } from './driver/embedded/embedded-driver.ts';
export type * from './driver/sip-driver.ts';
export { SipGateway } from './sip-gateway.ts';
