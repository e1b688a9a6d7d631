/** First and longest wait before another try to reconnect, milliseconds. */
export const BACKOFF_FIRST_MS: number = 200;
export const BACKOFF_MAX_MS: number = 5000;
/** A gateway that is started again is back within two seconds: the tries of that time are close together. */
export const BACKOFF_GROWTH: number = 1.5;

/**
 * How long to wait before try number `attempt` (0 is the first): growing from {@link BACKOFF_FIRST_MS} to
 * {@link BACKOFF_MAX_MS}, less a random part of up to a half, so that the clients of a restarted gateway do not all
 * return in the same millisecond.
 *
 * @param random 0 … 1
 */
export const backoffMs = (attempt: number, random: number): number => {
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * BACKOFF_GROWTH ** Math.min(attempt, 32));
  return Math.round(full * (1 - random / 2));
};
