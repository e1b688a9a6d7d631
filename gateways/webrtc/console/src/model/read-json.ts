const TIMEOUT_MS = 4000;

/** Whatever JSON holds at `key`. */
export const at = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;

export const text = (value: unknown, key: string): string => {
  const found = at(value, key);
  return typeof found === 'string' ? found : '';
};

export const figure = (value: unknown, key: string): number | undefined => {
  const found = at(value, key);
  return typeof found === 'number' ? found : undefined;
};

export const list = (value: unknown, key: string): readonly unknown[] => {
  const found = at(value, key);
  return Array.isArray(found) ? found : [];
};

/** @param token With the permission `admin`, where the server asks for one. @throws when it does not answer with 200. */
export const getJson = async (url: string, token: string | undefined): Promise<unknown> => {
  const response = await fetch(url, {
    headers: {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
};
