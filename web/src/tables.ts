// The lists: windows of the chosen instrument, latest prices and gaps of all, sources.
import type { Gap, Instrument, Status, Tick, WindowRow } from './api'
import { byId, make, setText } from './dom'
import { age, change, clock, decimals, direction, group, lasts, millis, span } from './format'
import type { Gaps } from './store'

const most_rows = 20

interface Column {
  title: string
  className?: string
  text: (row: WindowRow) => string | null
}

const columns: Column[] = [
  { title: 'Window', className: 'name', text: (row) => row.window_name },
  { title: 'Symbol', className: 'name', text: (row) => row.symbol },
  { title: 'Start', className: 'name', text: (row) => clock(row.window_start) },
  { title: 'Open', text: (row) => group(row.open) },
  { title: 'High', text: (row) => group(row.high) },
  { title: 'Low', text: (row) => group(row.low) },
  { title: 'Close', text: (row) => group(row.close) },
  { title: 'Mean', className: 'long', text: (row) => group(row.mean) },
  { title: 'VWAP', className: 'long', text: (row) => row.vwap && group(row.vwap) },
  { title: 'Std dev', className: 'long', text: (row) => row.stddev && group(row.stddev) },
  { title: 'Volume', className: 'long', text: (row) => row.volume && group(row.volume) },
  { title: 'Change %', className: 'long signed', text: (row) => row.change_pct && (direction(row.change_pct) === 'up' ? '+' : '') + group(row.change_pct) },
  { title: 'Count', text: (row) => String(row.tick_count) },
  { title: 'Complete', className: 'mark', text: (row) => (!row.complete ? `no (${span(row.gap_ms)})` : row.revision > 0 ? 'yes, repaired' : 'yes') },
]

export function windowsHead() {
  const row = make('tr')
  for (const column of columns) {
    const cell = make('th', column.title, column.className)
    cell.scope = 'col'
    row.append(cell)
  }
  byId('windows-head').replaceChildren(row)
}

/** The newest rows first. Long decimals are cut by the layout alone: the cell holds them whole. */
export function showWindows(rows: WindowRow[]) {
  const body = byId('windows')
  const newest = rows.filter((row) => row.open !== undefined).slice(-most_rows).reverse()
  const key = newest.map((row) => `${row.window_name}${row.symbol}${row.window_start}${row.revision}`).join()
  if (body.dataset.key === key) return
  body.dataset.key = key
  if (newest.length === 0) {
    const cell = make('td', 'No window has closed yet.', 'empty')
    cell.colSpan = columns.length
    const row = make('tr')
    row.append(cell)
    body.replaceChildren(row)
    return
  }
  const places = Math.max(...newest.flatMap((row) => [row.open, row.high, row.low, row.close].map(decimals)))
  body.replaceChildren(...newest.map((row) => windowRow(row, places)))
}

function windowRow(row: WindowRow, places: number) {
  const line = make('tr', '', !row.complete ? 'incomplete' : row.revision > 0 ? 'repaired' : '')
  columns.forEach((column, index) => {
    const prices = index >= 3 && index <= 6
    const raw = column.text(row)
    const text = prices ? group([row.open, row.high, row.low, row.close][index - 3]!, places) : (raw ?? '–')
    const cell = make('td', text, column.className)
    if (column.className?.includes('long') && text.length > 10) cell.title = text
    if (column.className === 'mark' && row.revision > 0) cell.title = `Revision ${row.revision}: computed again from what came later`
    if (column.className === 'mark' && !row.complete) cell.title = `${span(row.gap_ms)} of its input were not observed`
    if (column.className?.includes('signed')) cell.classList.add(direction(row.change_pct))
    line.append(cell)
  })
  return line
}

interface LatestRow {
  row: HTMLTableRowElement
  name: HTMLButtonElement
  price: HTMLElement
  change: HTMLElement
  age: HTMLElement
}

/** One row an instrument, which chooses it. Rows stay in place, so that the keyboard's focus does. */
export class LatestTable {
  private readonly rows = new Map<string, LatestRow>()

  constructor(private readonly onChoose: (venue: string, symbol: string) => void) {}

  show(instruments: Instrument[], chosen: Instrument | undefined, places: Map<string, number>, now: number) {
    for (const instrument of instruments) {
      const key = `${instrument.venue}|${instrument.symbol}`
      const line = this.rows.get(key) ?? this.add(key, instrument)
      line.row.classList.toggle('chosen', instrument === chosen)
      line.name.setAttribute('aria-pressed', String(instrument === chosen))
      const latest = instrument.latest
      if (!latest?.price) continue
      setText(line.price, group(latest.price, places.get(key)))
      setText(line.age, age(now - millis(latest.ts_event)))
      if (instrument.earliest) {
        const moved = change(Number(instrument.earliest.price), Number(latest.price))
        setText(line.change, moved.text)
        line.change.className = moved.direction
      }
    }
  }

  private add(key: string, instrument: Instrument): LatestRow {
    const row = make('tr')
    const head = make('th')
    head.scope = 'row'
    const name = make('button')
    name.type = 'button'
    name.append(make('span', instrument.symbol), make('small', instrument.venue))
    name.onclick = () => this.onChoose(instrument.venue, instrument.symbol)
    head.append(name)
    const [price, moved, age] = [make('td', '–'), make('td', '–'), make('td', '–', 'age')]
    row.append(head, price, moved, age)
    const line = { row, name, price, change: moved, age }
    this.rows.set(key, line)
    const keys = [...this.rows.keys()].sort()
    const after = keys[keys.indexOf(key) + 1]
    byId('latest').insertBefore(row, after ? (this.rows.get(after)?.row ?? null) : null)
    return line
  }
}

export function showSources(status: Status) {
  const list = byId('sources')
  const lags = new Map((status.partitions ?? []).map((partition) => [partition.name, partition.lag_records ?? 0]))
  const lines = (status.sources ?? []).map((source) => {
    const state = !source.connected ? 'disconnected' : source.stale ? 'stale' : 'connected'
    const lag = lags.get(source.slot) ?? 0
    return [source.slot, state, `${state}${lag > 0 ? `, ${lag} records behind` : ''}`] as const
  })
  const key = JSON.stringify(lines)
  if (list.dataset.key === key) return
  list.dataset.key = key
  list.replaceChildren(
    ...lines.map(([slot, state, text]) => {
      const item = make('li', '', state)
      item.append(make('span', slot), make('span', text, 'muted'))
      return item
    }),
  )
  if (lines.length === 0) list.append(make('li', 'None is reported.', 'muted'))
}

const most_gaps = 30

/** The newest first, over all venues. */
export function showGaps(gaps: Gaps) {
  const body = byId('gaps')
  const key = String(gaps.version)
  if (body.dataset.key === key) return
  body.dataset.key = key
  const open = gaps.all.filter((gap) => gap.status === 'open').length
  setText(byId('gaps-open'), open > 0 ? `${open} open` : '')
  if (gaps.all.length > 0) {
    body.replaceChildren(...gaps.all.slice(0, most_gaps).map(gapRow))
    return
  }
  const cell = make('td', 'Nothing was missed.', 'empty')
  cell.colSpan = 6
  const row = make('tr')
  row.append(cell)
  body.replaceChildren(row)
}

function gapRow(gap: Gap) {
  const row = make('tr', '', gap.status)
  const end = lasts(gap) ? 'now' : `${clock(gap.to_ts)} (${span(millis(gap.to_ts) - millis(gap.from_ts))})`
  const time = make('td', `${clock(gap.from_ts)} – ${end}`, 'name')
  time.title = `${gap.from_ts} – ${gap.to_ts}`
  const cause = make('td', gap.cause.replaceAll('_', ' '), 'name')
  if (gap.channel) cause.title = gap.channel
  row.append(
    make('td', gap.venue, 'name'),
    make('td', gap.symbol ?? 'all', 'name'),
    cause,
    time,
    make('td', gap.missing === null ? '–' : group(String(gap.missing))),
    make('td', gap.status, 'mark'),
  )
  return row
}

export function isNewer(tick: Tick, than: Tick | null): boolean {
  return !than || tick.ts_event >= than.ts_event
}
