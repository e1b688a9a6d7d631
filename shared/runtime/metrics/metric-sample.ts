import { z } from 'zod';

/** One figure of `/metrics`, read from plain counters when it is asked for. */
export interface MetricSample {
  /** Without the prefix `switchyard_`; counters end in `_total`, units are seconds and bytes. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Samples of one name have the same label names. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Most samples that one gateway may report. */
export const SAMPLES_MAX: number = 256;

const name = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/);
const schema: z.ZodType<MetricSample[]> = z
  .array(
    z.strictObject({
      name,
      help: z.string().max(256),
      type: z.enum(['counter', 'gauge']),
      labels: z.record(name, z.string().max(128)).exactOptional(),
      value: z.number(),
    }),
  )
  .max(SAMPLES_MAX);

/** @returns What a gateway reports, or undefined when it is something else. */
export const parseSamples = (value: unknown): readonly MetricSample[] | undefined =>
  schema.safeParse(value).data;
