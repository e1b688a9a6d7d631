/** What happens on a socket; called asynchronously. `onClose` is the last call, also when opening failed. */
export interface SocketListener {
  onOpen(): void;
  onText(text: string): void;
  onClose(reason: string): void;
}

/** The part of a WebSocket that signaling uses: text out, text in. */
export interface SignalingSocket {
  send(text: string): void;
  close(): void;
}

export type OpenSocket = (url: string, listener: SocketListener) => SignalingSocket;

/** Opens the browser's WebSocket. */
export const openWebSocket: OpenSocket = (url, listener) => {
  const socket = new WebSocket(url);
  socket.onopen = () => listener.onOpen();
  socket.onmessage = (event) => {
    if (typeof event.data === 'string') listener.onText(event.data);
  };
  socket.onclose = (event) => listener.onClose(event.reason === '' ? `code ${event.code}` : event.reason);
  return {
    send: (text) => socket.send(text),
    close: () => {
      // A socket that is still opening reports its own death late; nobody waits for it any more.
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close(1000);
    },
  };
};
