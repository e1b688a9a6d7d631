/** Hosts by which a server that listens on loopback may be called: what a rebound DNS name is not. */
const LOCAL_HOST = /^(localhost|[a-z0-9-]+\.localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\])(:\d{1,5})?$/i;

/**
 * Whether a request's `Host` names this machine. Development mode asks for no token, so it must not be reachable through
 * a web page whose own name was pointed at 127.0.0.1.
 */
export const isLocalHost = (host: string | undefined): boolean => host !== undefined && LOCAL_HOST.test(host);

/**
 * Whether a page of `origin` may use the WebSocket, which no CORS rule guards: pages of this machine, and programs
 * (which send no origin).
 */
export function isLocalOrigin(origin: string | undefined): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  return isLocalHost(new URL(origin).host);
}
