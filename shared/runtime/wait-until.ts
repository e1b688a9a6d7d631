const POLL_MS = 50;

/** Waits until `condition` holds, or for `timeoutMs`. @returns Whether it holds. */
export async function waitUntil(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const untilMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() >= untilMs) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}
