const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @returns The value of UTF-8 JSON, or undefined when it is not. */
export function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}
