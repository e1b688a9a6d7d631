import { freePorts } from './free-ports.ts';

/** Two a call, and a port rests after its call. */
const RTP_PORTS = 160;

/** Ports of a server that meets no other one. */
export interface YardPorts {
  readonly core: number;
  readonly webrtc: number;
  readonly rtmp: number;
  readonly sip: number;
  /** First of the RTP ports. */
  readonly rtp: number;
}

export async function freeYardPorts(): Promise<YardPorts> {
  const core = await freePorts(4 + RTP_PORTS + 1);
  return { core, webrtc: core + 1, rtmp: core + 2, sip: core + 3, rtp: core + 4 };
}

/** The ports as settings. */
export const yardEnvironment = (ports: YardPorts, socket: string): Record<string, string> => ({
  SWITCHYARD_CORE_HTTP_PORT: `${ports.core}`,
  SWITCHYARD_CORE_SOCKET: socket,
  SWITCHYARD_WEBRTC_PORT: `${ports.webrtc}`,
  SWITCHYARD_RTMP_PORT: `${ports.rtmp}`,
  SWITCHYARD_SIP_PORT: `${ports.sip}`,
  SWITCHYARD_SIP_RTP_PORT_MIN: `${ports.rtp}`,
  SWITCHYARD_SIP_RTP_PORT_MAX: `${ports.rtp + RTP_PORTS}`,
  // A test that ends does not wait for its clients.
  SWITCHYARD_DRAIN_SECONDS: '0',
});
