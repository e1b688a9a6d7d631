/** How often a condition is looked at, milliseconds. */
const POLL_MS = 50;

/**
 * Waits until `condition` gives something other than undefined or false.
 * @throws after `deadlineMs` with `what` and, when given, what `explain` says.
 */
export async function waitFor<Value>(
  what: string,
  condition: () => Value | undefined | false | Promise<Value | undefined | false>,
  deadlineMs = 15_000,
  explain: () => string | Promise<string> = () => '',
): Promise<Value> {
  const untilMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > untilMs)
      throw new Error(`${what}: not within ${deadlineMs} ms\n${await explain()}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
