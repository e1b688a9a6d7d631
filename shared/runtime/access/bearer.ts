/** The token of an `Authorization: Bearer` header (RFC 6750 §2.1); undefined when there is none. */
export const bearerToken = (authorization: string | undefined): string | undefined =>
  /^Bearer +([^\s]+) *$/i.exec(authorization ?? '')?.[1];
