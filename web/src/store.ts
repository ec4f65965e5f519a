// What the page knows of the chosen instrument, its prices and window rows, and of the gaps of all: merged from the
// history at load and from the live feed, and bounded.
import type { Gap, Instrument, Status, WindowRow } from './api'
import { millis, parseSpan } from './format'

export const history_ms = 15 * 60_000
const most_points = 12_000
const most_gaps = 500

export interface Point {
  at: number // Milliseconds since the epoch.
  price: number | null // Null: a hole.
}

export class Store {
  points: Point[] = []
  windows = new Map<string, WindowRow[]>() // By window name, each in the order of start.

  clear() {
    this.points = []
    this.windows.clear()
  }

  addPrice(ts_event: string, price: string) {
    const at = millis(ts_event)
    const last = this.points.at(-1)
    if (last && at < last.at) return
    if (last && at === last.at) last.price = Number(price)
    else this.points.push({ at, price: Number(price) })
    const oldest = at - history_ms
    let drop = Math.max(0, this.points.length - most_points)
    while ((this.points[drop]?.at ?? at) < oldest) ++drop
    if (drop > 100) this.points.splice(0, drop)
  }

  /** A higher revision replaces its row. */
  addWindow(row: WindowRow) {
    let rows = this.windows.get(row.window_name)
    if (!rows) this.windows.set(row.window_name, (rows = []))
    let place = rows.length
    while (place > 0 && rows[place - 1]!.window_start > row.window_start) --place
    const known = rows[place - 1]
    if (known?.window_start === row.window_start) {
      const only_mean = row.open === undefined  // Fetched for the line alone: a whole row is better.
      if (known.open === undefined || (!only_mean && known.revision <= row.revision)) rows[place - 1] = row
      return
    }
    rows.splice(place, 0, row)
    const oldest = millis(row.window_end) - history_ms
    while (rows.length > 1 && millis(rows[0]!.window_end) < oldest) rows.shift()
  }
}

/** The last state of each gap, newest first. */
export class Gaps {
  all: Gap[] = []
  version = 0 // Counts the changes.

  /** New states replace old ones; gives the rows whose status is new. */
  add(rows: Gap[]): Gap[] {
    const identity = (gap: Gap) => JSON.stringify([gap.venue, gap.symbol, gap.channel, gap.from_ts, gap.from_id])
    const known = new Map(this.all.map((gap) => [identity(gap), gap]))
    const changed = rows.filter((row) => known.get(identity(row))?.status !== row.status)
    for (const row of rows) known.set(identity(row), row)
    if (rows.length > 0) ++this.version
    this.all = [...known.values()].sort((a, b) => millis(b.from_ts) - millis(a.from_ts)).slice(0, most_gaps)
    return changed
  }

  of(instrument: Instrument): Gap[] {
    return this.all.filter((gap) => gap.venue === instrument.venue && (gap.symbol === null || gap.symbol === instrument.symbol))
  }
}

/** The windows whose means the chart draws: the contract's names where they are, else the nearest of the kind. */
export function chartWindows(status: Status, instrument: Instrument | undefined) {
  const specs = (status.windows ?? []).map((window) => ({ ...window, size_ms: parseSpan(window.size), slide_ms: parseSpan(window.slide) }))
  const known = specs.map((spec) => spec.name)
  for (const name of instrument?.windows ?? []) if (!known.includes(name)) known.push(name)
  const nearest = (rolling: boolean, size_ms: number) =>
    specs
      .filter((spec) => spec.slide_ms < spec.size_ms === rolling)
      .sort((a, b) => Math.abs(a.size_ms - size_ms) - Math.abs(b.size_ms - size_ms))[0]?.name
  const pick = (name: string, rolling: boolean, size_ms: number) => (known.includes(name) ? name : nearest(rolling, size_ms))
  return { names: known, average: pick('avg_30s', false, 30_000), rolling: pick('roll_1m', true, 60_000) }
}
