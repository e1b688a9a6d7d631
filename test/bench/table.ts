/** One figure of a bench. */
export interface Row {
  readonly what: string;
  readonly value: string;
  /** Of DESIGN and README, when there is one. */
  readonly target?: string;
  readonly note?: string;
}

/** Prints figures as a Markdown table. */
export function printTable(title: string, rows: readonly Row[]): void {
  const cells = rows.map(({ what, value, target = '', note = '' }) => [what, value, target, note]);
  const all = [['', 'measured', 'target', 'note'], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(3, ...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = all;
  const rule = widths.map((width) => '-'.repeat(width));
  process.stdout.write(`\n### ${title}\n\n${[head, rule, ...body].map(line).join('\n')}\n\n`);
}

export const us = (valueUs: number): string => `${valueUs.toFixed(valueUs < 10 ? 2 : 1)} µs`;
export const ms = (valueMs: number): string =>
  `${valueMs.toFixed(valueMs < 10 ? 2 : valueMs < 100 ? 1 : 0)} ms`;
export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
