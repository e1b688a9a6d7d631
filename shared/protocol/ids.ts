/**
 * Number of one connected client, unsigned 32 bits. Chosen by its gateway and unique on its link only; the
 * core maps it to an engine-wide number of its own.
 */
export type EndpointId = number & { readonly brand: 'EndpointId' };

/** Number of a remote or local track within its endpoint and direction, unsigned 16 bits, chosen by the gateway. */
export type TrackId = number & { readonly brand: 'TrackId' };

export const endpointId = (value: number): EndpointId => value as EndpointId;
export const trackId = (value: number): TrackId => value as TrackId;

/** Longest room, peer and track name. */
export const NAME_MAX_LENGTH: number = 64;
export const NAME_PATTERN: RegExp = /^[A-Za-z0-9._~@+-]{1,64}$/;

/** Whether `name` may name a room, a peer or a track: 1–64 of `A-Z a-z 0-9 . _ ~ @ + -`. */
export const isName = (name: unknown): name is string => typeof name === 'string' && NAME_PATTERN.test(name);
