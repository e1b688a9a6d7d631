import { mutate } from './mutate.ts';
import { SeededRandom } from './seeded-random.ts';

/** Changes every case: FUZZ_SEED in the environment (and FUZZ_RUNS), to look further than the cases of every run. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 3000);
/** CPU time that one input may take, twice in a row: a collection of garbage can come in between once. */
const INPUT_LIMIT_MS = 200;
const SHOWN_BYTES = 400;

type Parser = (input: Buffer) => void;

/**
 * Gives `parse` inputs that are almost right: it must neither throw nor hang.
 * @param seeds Inputs that are right.
 * @throws naming the input in hex, by which it can be repeated.
 */
export function fuzz(seeds: readonly Buffer[], parse: Parser, runs = RUNS): void {
  const [first = Buffer.alloc(0), ...rest] = seeds;
  const random = new SeededRandom(SEED);
  for (const seed of seeds) attempt(seed, parse);
  for (let run = 0; run < runs; run += 1) attempt(mutate([first, ...rest], random), parse);
}

function attempt(input: Buffer, parse: Parser): void {
  for (let tries = 0; tries < 2; tries += 1) {
    const started = process.cpuUsage();
    try {
      parse(Buffer.from(input));
    } catch (cause) {
      throw new Error(`${cause} for ${shown(input)}`, { cause });
    }
    const { user, system } = process.cpuUsage(started);
    if (user + system < INPUT_LIMIT_MS * 1000) return;
  }
  throw new Error(`took more than ${INPUT_LIMIT_MS} ms for ${shown(input)}`);
}

const shown = (input: Buffer): string =>
  `${input.length} bytes ${input.subarray(0, SHOWN_BYTES).toString('hex')}`;

/** Texts as seeds. */
export const texts = (...values: readonly string[]): Buffer[] => values.map((value) => Buffer.from(value));
