import { z } from 'zod';

/** The three kinds of gateway. */
export type GatewayKind = 'webrtc' | 'rtmp' | 'sip';

/** First frame of a gateway. */
export interface LinkHello {
  readonly protocol: number;
  readonly kind: GatewayKind;
  /** For people: in logs and `/health`. */
  readonly name: string;
  /** Answers a challenge: see link-proof.ts. */
  readonly auth?: { readonly nonce: string; readonly proof: string };
}

/** The core's answer. */
export interface LinkWelcome {
  readonly protocol: number;
  readonly node: string;
  /** Differs with each start of the core. */
  readonly session: string;
  /** Answers the gateway's nonce when the link has a secret. */
  readonly proof?: string;
}

/** base64url of 32 bytes. */
const nonce = z.string().length(43);
const proof = z.string().length(43);

const hello: z.ZodType<LinkHello> = z.object({
  protocol: z.int(),
  kind: z.enum(['webrtc', 'rtmp', 'sip']),
  name: z.string().max(128),
  auth: z.object({ nonce, proof }).exactOptional(),
});

const welcome: z.ZodType<LinkWelcome> = z.object({
  protocol: z.int(),
  node: z.string().max(128),
  session: z.string().max(128),
  proof: proof.exactOptional(),
});

const challenge = z.object({ nonce });

/** @returns The hello, or undefined when it is none. A hello of another protocol version still reads. */
export const parseHello = (value: unknown): LinkHello | undefined => hello.safeParse(value).data;

export const parseWelcome = (value: unknown): LinkWelcome | undefined => welcome.safeParse(value).data;

/** @returns The nonce of a challenge, or undefined when it is none. */
export const parseChallenge = (value: unknown): string | undefined => challenge.safeParse(value).data?.nonce;
