export { RtmpServer } from './rtmp-server.ts';
export { RtmpSession } from './rtmp-session.ts';
