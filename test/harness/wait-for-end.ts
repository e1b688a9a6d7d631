import { waitFor } from './wait.ts';

/** A client process, as far as its end goes. */
interface Client {
  /** undefined while it runs. */
  readonly exitCode: number | null | undefined;
  readonly output: string;
}

/**
 * Waits until a client process has ended by itself.
 * @throws what it said, when it goes on.
 */
export const waitForEnd = (name: string, client: Client): Promise<boolean> =>
  waitFor(
    `${name} ends`,
    () => client.exitCode !== undefined,
    20_000,
    () => client.output,
  );
