/** What rooms and people may be called: shared/protocol/ids.ts says the same to the server. */
const NAME_PATTERN = /^[A-Za-z0-9._~@+-]{1,64}$/;

export const NAME_RULE: string = 'Use 1 to 64 letters, digits or any of . _ ~ @ + -';

export const isName = (name: string): boolean => NAME_PATTERN.test(name);

/** Turns what somebody types into a name as they type: blanks become hyphens, accents fall off. */
export const toName = (typed: string): string =>
  typed
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/\s+/g, '-')
    .replace(/[^A-Za-z0-9._~@+-]/g, '')
    .slice(0, 64);

const ADJECTIVES = [
  'quiet',
  'amber',
  'swift',
  'copper',
  'early',
  'north',
  'silver',
  'bright',
  'mellow',
  'steady',
];
const NOUNS = [
  'signal',
  'junction',
  'siding',
  'turntable',
  'viaduct',
  'platform',
  'crossing',
  'lantern',
  'express',
  'harbour',
];

const pick = (words: readonly string[]): string => words[Math.floor(Math.random() * words.length)] ?? 'room';

/** A name for a room that nobody has thought of one for. */
export const suggestName = (): string =>
  `${pick(ADJECTIVES)}-${pick(NOUNS)}-${10 + Math.floor(Math.random() * 90)}`;

/** Up to two letters for an avatar: `ada.lovelace` → AL. */
export const initials = (name: string): string => {
  const parts = name.split(/[^A-Za-z0-9]+/).filter((part) => part !== '');
  const letters = parts.length > 1 ? [parts[0]?.[0], parts.at(-1)?.[0]] : [...(parts[0] ?? '?')].slice(0, 2);
  return letters.join('').toUpperCase();
};

/** 0 … 359, the same for the same name. */
export const hueOf = (name: string): number => {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 99_991;
  return (hash * 47) % 360;
};
