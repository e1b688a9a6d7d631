export interface Grid {
  readonly columns: number;
  /** Pixels of one tile. */
  readonly width: number;
  readonly height: number;
}

const ASPECT = 16 / 9;

/** The number of columns at which `count` tiles of 16:9 are largest in a box, and their size. */
export const bestGrid = (count: number, width: number, height: number, gap: number): Grid => {
  let best: Grid = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(Math.max(1, count) / columns);
    const cellWidth = (width - gap * (columns - 1)) / columns;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    const tileWidth = Math.floor(Math.min(cellWidth, cellHeight * ASPECT));
    if (tileWidth > best.width) best = { columns, width: tileWidth, height: Math.floor(tileWidth / ASPECT) };
  }
  return best;
};
