/** The protocol classes of node-media-server, as far as they are used. The package has no types of its own. */
declare module 'node-media-server/src/protocol/rtmp.js' {
  export interface ChunkHeader {
    fmt: number;
    cid: number;
    timestamp: number;
    length: number;
    type: number;
    stream_id: number;
  }

  export interface ChunkStream {
    header: ChunkHeader;
    clock: number;
    payload: Buffer;
    capacity: number;
    bytes: number;
  }

  export default class Rtmp {
    handshakeState: number;
    parserBuffer: Buffer;
    parserBasicBytes: number;
    parserPacket: ChunkStream;
    inPackets: Map<number, ChunkStream>;
    inChunkSize: number;
    objectEncoding: number;
    flv: unknown;
    onOutputCallback: (bytes: Buffer) => void;
    parserData(bytes: Buffer): string | null;
    packetParse(): void;
    packetAlloc(): void;
    packetHandler(): void;
    controlHandler(): void;
    eventHandler(): void;
    invokeHandler(): void;
    dataHandler(): void;
    chunkMessageHeaderRead(): number;
    sendACK(bytes: number): void;
    sendWindowACK(bytes: number): void;
    setPeerBandwidth(bytes: number, type: number): void;
    setChunkSize(bytes: number): void;
    sendInvokeMessage(streamId: number, message: object): void;
    sendStatusMessage(streamId: number, level: string, code: string, description: string): void;
    respondCreateStream(transaction: number): void;
  }
}

declare module 'node-media-server/src/protocol/amf.js' {
  const amf: {
    decodeAmf0Cmd(bytes: Buffer): Record<string, unknown>;
    encodeAmf0Cmd(command: object): Buffer;
  };
  export default amf;
}

declare module 'node-media-server/src/core/logger.js' {
  const logger: { log: (message: string, level?: string) => void };
  export default logger;
}
