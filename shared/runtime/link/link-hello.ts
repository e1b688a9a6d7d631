import { z } from 'zod';

/** The three kinds of gateway. */
export type GatewayKind = 'webrtc' | 'rtmp' | 'sip';

/** First frame of a gateway. */
export interface LinkHello {
  readonly protocol: number;
  readonly kind: GatewayKind;
  /** For people: in logs and `/health`. */
  readonly name: string;
}

/** The core's answer. */
export interface LinkWelcome {
  readonly protocol: number;
  readonly node: string;
  /** Differs with each start of the core. */
  readonly session: string;
}

const hello: z.ZodType<LinkHello> = z.object({
  protocol: z.int(),
  kind: z.enum(['webrtc', 'rtmp', 'sip']),
  name: z.string().max(128),
});

const welcome: z.ZodType<LinkWelcome> = z.object({
  protocol: z.int(),
  node: z.string().max(128),
  session: z.string().max(128),
});

/** @returns The hello, or undefined when it is none. A hello of another protocol version still reads. */
export const parseHello = (value: unknown): LinkHello | undefined => hello.safeParse(value).data;

export const parseWelcome = (value: unknown): LinkWelcome | undefined => welcome.safeParse(value).data;
