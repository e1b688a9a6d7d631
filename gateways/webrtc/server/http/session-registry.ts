import type { HttpSession } from '../session/http-session.ts';

/** WHIP and WHEP sessions by their unguessable id. */
export class SessionRegistry {
  readonly #sessions = new Map<string, HttpSession>();
  readonly #max: number;
  #opening = 0;

  /** @param max Most sessions, those that are being opened included. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Reserves a place while a session is being opened. @returns Whether there is one. */
  reserve(): boolean {
    if (this.#sessions.size + this.#opening >= this.#max) return false;
    this.#opening += 1;
    return true;
  }

  /** Gives the reserved place to `session`, or back. */
  settle(session: HttpSession | undefined): void {
    this.#opening -= 1;
    if (session !== undefined) this.#sessions.set(session.id, session);
  }

  find(id: string): HttpSession | undefined {
    return this.#sessions.get(id);
  }

  remove(session: HttpSession): void {
    this.#sessions.delete(session.id);
  }

  closeAll(): void {
    for (const session of this.#sessions.values()) session.close();
    this.#sessions.clear();
  }
}
