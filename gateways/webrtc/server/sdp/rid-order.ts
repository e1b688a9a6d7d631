/** Conventions of naming simulcast encodings, lowest first. */
const CONVENTIONS: readonly (readonly string[])[] = [
  ['q', 'h', 'f'],
  ['l', 'm', 'h'],
  ['lo', 'mid', 'hi'],
  ['lo', 'med', 'hi'],
  ['low', 'mid', 'high'],
  ['low', 'medium', 'high'],
  ['small', 'medium', 'large'],
  ['quarter', 'half', 'full'],
  ['s', 'm', 'l'],
];
const NUMBERED = /^([A-Za-z_]*)(\d{1,4})$/;

/** Rids named by an `a=simulcast` list: `1,2;~3` → 1, 2, 3 (RFC 8853 §5.1; `~` paused, `,` alternatives). */
export function ridsOf(list: string): readonly string[] {
  const rids = list.split(/[;,]/).map((part) => part.replace(/^~/, ''));
  return [...new Set(rids.filter((rid) => /^[A-Za-z0-9_-]{1,16}$/.test(rid)))].slice(0, RIDS_MAX);
}

const RIDS_MAX = 8;

/**
 * Rids from lowest to highest layer, as long as nothing is known of what they carry. Browsers list them in whatever order the application chose, so `a=rid` limits of
 * size speak first, then names (q h f, l m h, lo mid hi, 0 1 2, r0 r1 r2); a list that says neither is taken as it
 * stands, lowest first, which is what Chrome requires of `sendEncodings`.
 *
 * @param parameters What each rid is restricted to, as in `a=rid:<id> send <parameters>`.
 */
export function orderRids(
  rids: readonly string[],
  parameters: ReadonlyMap<string, string>,
): readonly string[] {
  const rank = bySize(rids, parameters) ?? byConvention(rids) ?? byNumber(rids);
  return rank === undefined ? rids : [...rids].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
}

function bySize(
  rids: readonly string[],
  parameters: ReadonlyMap<string, string>,
): ReadonlyMap<string, number> | undefined {
  const sizes = new Map<string, number>();
  for (const rid of rids) {
    const match = /(?:^|;)\s*max-(?:width|fs)=(\d{1,9})/.exec(parameters.get(rid) ?? '');
    if (match === null) return undefined;
    sizes.set(rid, Number(match[1]));
  }
  return new Set(sizes.values()).size === rids.length ? sizes : undefined;
}

function byConvention(rids: readonly string[]): ReadonlyMap<string, number> | undefined {
  const names = rids.map((rid) => rid.toLowerCase());
  const convention = CONVENTIONS.find((each) => names.every((name) => each.includes(name)));
  return convention && new Map(rids.map((rid) => [rid, convention.indexOf(rid.toLowerCase())]));
}

function byNumber(rids: readonly string[]): ReadonlyMap<string, number> | undefined {
  const matches = rids.map((rid) => NUMBERED.exec(rid));
  const prefix = matches[0]?.[1];
  if (!matches.every((match) => match !== null && match[1] === prefix)) return undefined;
  return new Map(rids.map((rid, index) => [rid, Number(matches[index]?.[2])]));
}
