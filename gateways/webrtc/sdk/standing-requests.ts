import type { SessionRequestBody } from './protocol.ts';

/** What a session asked for once and wants for as long as it lives: asked again on every new connection. */
export class StandingRequests {
  readonly #labels = new Set<string>();
  readonly #sentLabels = new Set<string>();
  readonly #peers = new Set<string>();

  /** Notes a request that outlives its connection; others pass by. */
  note(body: SessionRequestBody): void {
    switch (body.type) {
      case 'channel-subscribe':
        this.#labels.add(body.label);
        return;
      case 'channel-unsubscribe':
        this.#labels.delete(body.label);
        return;
      case 'channel-publish-start':
        this.#sentLabels.add(body.label);
        return;
      case 'channel-publish-stop':
        this.#sentLabels.delete(body.label);
        return;
      case 'subscribe-peer':
        this.#peers.add(body.peer);
        return;
      case 'unsubscribe-peer':
        this.#peers.delete(body.peer);
        return;
      default:
        return;
    }
  }

  /** What to ask for on a new connection. */
  list(): SessionRequestBody[] {
    return [
      ...[...this.#labels].map((label): SessionRequestBody => ({ type: 'channel-subscribe', label })),
      ...[...this.#sentLabels].map((label): SessionRequestBody => ({ type: 'channel-publish-start', label })),
      ...[...this.#peers].map((peer): SessionRequestBody => ({ type: 'subscribe-peer', peer })),
    ];
  }

  clear(): void {
    this.#labels.clear();
    this.#sentLabels.clear();
    this.#peers.clear();
  }
}
