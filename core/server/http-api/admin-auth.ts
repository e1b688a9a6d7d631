import { createHash, timingSafeEqual } from 'node:crypto';
import { ANY_ROOM, type AppConfig, bearerToken, DEFAULT_APP, readToken } from '@switchyard/shared/runtime';
import { ApiRefusal } from './api-refusal.ts';

/** Whose rooms a request may see and change. */
export interface Admin {
  readonly app: string;
  /** One room, or {@link ANY_ROOM}. */
  readonly room: string;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** `id:secret` of `Authorization: Basic` (RFC 7617). */
function basicCredentials(authorization: string | undefined): { id: string; secret: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { id: text.slice(0, colon), secret: text.slice(colon + 1) };
}

/**
 * Who may use the API. With apps configured: an app's secret (`Authorization: Bearer SECRET`, or Basic `id:secret`), or
 * a token of the app with the permission `admin`. Without: everybody, on loopback.
 */
export class AdminAuth {
  readonly #apps: readonly AppConfig[];

  constructor(apps: readonly AppConfig[]) {
    this.#apps = apps;
  }

  /** Development mode. */
  get isOpen(): boolean {
    return this.#apps.length === 0;
  }

  /** The app whose secret the caller has. @throws {ApiRefusal} */
  owner(authorization: string | undefined): AppConfig {
    const owner = this.#findOwner(authorization);
    if (owner !== undefined) return owner;
    throw authorization === undefined
      ? new ApiRefusal({ code: 'token-required', detail: 'Authorization: Bearer and the secret of the app' })
      : new ApiRefusal({ code: 'token-invalid', detail: 'this is no secret of an app' });
  }

  /** @param room The one that the request is about, if it is about one. @throws {ApiRefusal} */
  async admit(authorization: string | undefined, room?: string): Promise<Admin> {
    if (this.isOpen) return { app: DEFAULT_APP, room: ANY_ROOM };
    const owner = this.#findOwner(authorization);
    if (owner !== undefined) return { app: owner.id, room: ANY_ROOM };
    const token = bearerToken(authorization);
    if (token === undefined) throw new ApiRefusal({ code: 'token-required' });
    const read = await readToken(token, this.#apps);
    if (!read.ok) throw new ApiRefusal(read.error);
    const { grant } = read;
    if (!grant.permissions.admin)
      throw new ApiRefusal({ code: 'not-allowed', detail: 'the token has no permission admin' });
    if (room !== undefined && grant.room !== ANY_ROOM && grant.room !== room)
      throw new ApiRefusal({ code: 'not-allowed', detail: 'the token is for another room' });
    return { app: grant.app, room: grant.room };
  }

  #findOwner(authorization: string | undefined): AppConfig | undefined {
    const basic = basicCredentials(authorization);
    const bearer = bearerToken(authorization);
    // Every app is compared: the time says nothing about which of them came close.
    return this.#apps.filter(({ id, secret }) =>
      basic === undefined
        ? bearer !== undefined && isSame(secret, bearer)
        : basic.id === id && isSame(secret, basic.secret),
    )[0];
  }
}
