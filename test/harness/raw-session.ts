import type { SessionMessage, SessionRequestBody } from '@switchyard/shared/protocol';
import { WebSocket } from 'ws';
import { waitFor } from './wait.ts';

/** An SDK's WebSocket without the SDK: what is said and heard, word by word. */
export class RawSession {
  readonly messages: SessionMessage[] = [];
  closed = false;
  readonly #socket: WebSocket;
  #request = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.messages.push(JSON.parse(data.toString()) as SessionMessage));
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', () => {});
  }

  static async open(port: number): Promise<RawSession> {
    const session = new RawSession(new WebSocket(`ws://127.0.0.1:${port}/ws`));
    await waitFor('the WebSocket opens', () => session.#socket.readyState === WebSocket.OPEN);
    return session;
  }

  /** @returns The response. */
  async ask(body: SessionRequestBody): Promise<SessionMessage> {
    this.#request += 1;
    const request = this.#request;
    this.#socket.send(JSON.stringify({ ...body, request }));
    return waitFor(`an answer to ${body.type}`, () =>
      this.messages.find((message) => message.type === 'response' && message.request === request),
    );
  }

  join(room: string, peer: string, token?: string): Promise<SessionMessage> {
    return this.ask({ type: 'join', protocol: 1, room, peer, ...(token === undefined ? {} : { token }) });
  }

  close(): void {
    this.#socket.terminate();
  }
}
