/** Colours of the processes in a terminal, by name. */
const COLOURS: Readonly<Record<string, number>> = { core: 36, webrtc: 35, rtmp: 33, sip: 32, launcher: 90 };
const LEVELS: ReadonlyMap<number, string> = new Map([
  [40, 'warning: '],
  [50, 'error: '],
  [60, 'fatal: '],
]);
const HIDDEN = new Set(['level', 'time', 'process', 'msg', 'err']);
const VALUE_MAX_LENGTH = 200;

/** One line of a process for people: `[rtmp] publishing room=demo`. Lines that are not pino's pass as they are. */
export function formatLogLine(name: string, line: string, colour: boolean): string {
  const paint = (code: number, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const tag = paint(COLOURS[name] ?? 37, `[${name}]`.padEnd(9));
  const entry = readEntry(line);
  if (entry === undefined) return `${tag} ${line}`;
  const level = LEVELS.get(Number(entry['level'])) ?? '';
  const fields = Object.entries(entry)
    .filter(([key]) => !HIDDEN.has(key))
    .map(([key, value]) => `${key}=${show(value)}`);
  const details = fields.length === 0 ? '' : paint(90, ` ${fields.join(' ')}`);
  const message = `${level}${String(entry['msg'] ?? '')}`;
  return `${tag} ${level === '' ? message : paint(level === 'warning: ' ? 33 : 31, message)}${details}`;
}

function readEntry(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null && 'msg' in entry ? { ...entry } : undefined;
  } catch {
    return undefined;
  }
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > VALUE_MAX_LENGTH ? `${text.slice(0, VALUE_MAX_LENGTH)}…` : text;
}
