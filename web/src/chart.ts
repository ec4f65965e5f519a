// The chart: the price, its average over tumbling windows as steps, its rolling average as a line, and holes as holes:
// a line that stops, and a shaded band where nothing was observed; a band of another colour where it was fetched later.
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Gap, WindowRow } from './api'
import { byId, make, setText } from './dom'
import { group, lasts, millis } from './format'
import { Store } from './store'

const least_span_ms = 60_000
const silence_ms = 30_000 // A price line does not bridge more than that.

// A null cuts its line up to the next values of its own table, whatever times the other tables have between.
const null_modes: uPlot.JoinNullMode[][] = [[1, 2], [1, 2], [1, 2]]

type Table = [number[], (number | null)[]]
interface Band {
  from: number // Seconds, as uPlot counts.
  to: number
}

/** Overlapping bands as one. */
function union(bands: Band[]): Band[] {
  const merged: Band[] = []
  for (const band of [...bands].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1)
    if (last && band.from <= last.to) last.to = Math.max(last.to, band.to)
    else merged.push({ ...band })
  }
  return merged
}

/** The price line, cut where it was silent or a gap is known. */
function priceTable(store: Store, gaps: Band[]): Table {
  const table: Table = [[], []]
  let before: number | undefined
  for (const { at, price } of store.points) {
    const x = at / 1000
    if (before !== undefined) {
      const start = before
      const cut = (x - start) * 1000 > silence_ms || gaps.some((gap) => gap.from < x && gap.to > start && gap.to - gap.from > 0.5)
      if (cut) push(table, (start + x) / 2, null)
    }
    push(table, x, price)
    before = x
  }
  return table
}

function push(table: Table, x: number, value: number | null) {
  table[0].push(x)
  table[1].push(value)
}

/** Steps: one level from a window's start to its end. */
function stepTable(rows: WindowRow[]): Table {
  const table: Table = [[], []]
  let end: number | undefined
  for (const row of rows) {
    const start = millis(row.window_start) / 1000
    if (end !== undefined && start > end) push(table, end + 0.001, null)
    const mean = row.complete ? Number(row.mean) : null
    push(table, start + 0.002, mean)
    end = millis(row.window_end) / 1000
    push(table, end, mean)
  }
  return table
}

/** A point at each window's end. */
function rollingTable(rows: WindowRow[]): Table {
  const table: Table = [[], []]
  let before: number | undefined
  for (const row of rows) {
    const end = millis(row.window_end) / 1000
    if (before !== undefined && (end - before) * 1000 > silence_ms) push(table, before + 0.001, null)
    push(table, end, row.complete ? Number(row.mean) : null)
    before = end
  }
  return table
}

export interface ChartNames {
  average?: string
  rolling?: string
}

export class Chart {
  private plot: uPlot | null = null
  private repaired: Band[] = [] // Fetched afterwards.
  private gaps: Band[] = [] // Not observed …
  private incomplete: Band[] = [] // … and the windows that lack something for it.
  private span_ms = 5 * 60_000
  private places = 2
  private now = Date.now()
  private values: HTMLElement[] = []
  private readonly holder = byId('chart')

  constructor(private names: ChartNames) {
    const remake = () => this.make()
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', remake)
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(this.holder)
    this.holder.addEventListener('keydown', (event) => this.onKey(event))
    this.holder.addEventListener('blur', () => this.plot?.setCursor({ left: -10, top: -10 }))
    remake()
  }

  setNames(names: ChartNames) {
    if (names.average === this.names.average && names.rolling === this.names.rolling) return
    this.names = names
    this.make()
  }

  setSpan(span_ms: number) {
    this.span_ms = span_ms
  }

  /** Draws what the store holds and the instrument's gaps; `places` are the decimals of a price, `now` is the right edge. */
  draw(store: Store, gaps: Gap[], places: number, now: number) {
    this.places = places
    this.now = now
    const end = (gap: Gap) => (lasts(gap) ? now : millis(gap.to_ts)) / 1000
    const bands = (rows: Gap[]) => union(rows.map((gap) => ({ from: millis(gap.from_ts) / 1000, to: end(gap) })))
    this.gaps = bands(gaps.filter((gap) => gap.status !== 'backfilled'))
    this.repaired = bands(gaps.filter((gap) => gap.status === 'backfilled'))
    const averages = store.windows.get(this.names.average ?? '') ?? []
    const rolling = store.windows.get(this.names.rolling ?? '') ?? []
    const partial = averages.filter((row) => !row.complete)
    this.incomplete = union(partial.map((row) => ({ from: millis(row.window_start) / 1000, to: millis(row.window_end) / 1000 })))
    const data = uPlot.join([priceTable(store, this.gaps), stepTable(averages), rollingTable(rolling)] as uPlot.AlignedData[], null_modes)
    this.plot?.setData(data, false)
    // A line that has just begun is not pushed into a corner: the span grows with it, from a minute on.
    const first = store.points[0]?.at ?? now
    const from = Math.max(now - this.span_ms, Math.min(first, now - least_span_ms))
    this.plot?.setScale('x', { min: from / 1000, max: (now + (now - from) * 0.01) / 1000 })
    this.legend()
  }

  private size() {
    return { width: this.holder.clientWidth, height: this.holder.clientHeight }
  }

  private make() {
    const style = getComputedStyle(document.documentElement)
    const color = (name: string) => style.getPropertyValue(name).trim()
    const data = this.plot?.data
    this.plot?.destroy()
    const axis: uPlot.Axis = {
      stroke: color('--muted'),
      font: '11px system-ui, sans-serif',
      grid: { stroke: color('--grid'), width: 1 },
      ticks: { show: false },
    }
    const line = (label: string, name: string, width: number, fill?: string): uPlot.Series => ({
      label,
      stroke: color(name),
      width,
      fill,
      spanGaps: false,
      points: { show: false },
    })
    this.plot = new uPlot(
      {
        ...this.size(),
        legend: { show: false },
        padding: [10, 0, 0, 22],
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
        scales: { x: { time: true }, y: { range: (_plot, min, max) => this.rangeOf(min, max) } },
        axes: [
          { ...axis, size: 30, space: (_plot, _axis, _min, _max, width) => (width < 420 ? 44 : 72), values: [[60, '{HH}:{mm}', null, null, null, null, null, null, 1], [1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1]] },
          { ...axis, side: 1, size: (_plot, values) => 18 + 6.6 * Math.max(0, ...(values ?? []).map((value) => value.length)), values: (_plot, ticks) => ticks.map((tick) => group(tick.toFixed(this.placesOf(ticks)))) },
        ],
        series: [{}, line('Price', '--price', 1.5), line(this.names.average ?? '', '--average', 2), line(this.names.rolling ?? '', '--rolling', 1.5)],
        hooks: {
          drawAxes: [(plot) => this.drawBands(plot, color)],
          setCursor: [() => this.legend()],
        },
      },
      data ?? [[], [], [], []],
      this.holder,
    )
    this.makeLegend()
  }

  /** Some air above and below, and never a range of nothing. */
  private rangeOf(min: number | null, max: number | null): [number, number] {
    if (min === null || max === null) return [0, 1]
    const air = Math.max((max - min) * 0.12, Math.abs(max) * 2e-5)
    return [min - air, max + air]
  }

  /** As many decimals as tell two ticks of the axis apart. */
  private placesOf(ticks: number[]): number {
    const step = Math.abs((ticks[1] ?? 1) - (ticks[0] ?? 0))
    return Math.max(0, Math.min(8, Math.ceil(-Math.log10(step) - 1e-9)))
  }

  private drawBands(plot: uPlot, color: (name: string) => string) {
    const { left, top, width, height } = plot.bbox
    const context = plot.ctx
    context.save()
    context.beginPath()
    context.rect(left, top, width, height)
    context.clip()
    const each = (bands: Band[], draw: (from: number, to: number) => void) => {
      for (const band of bands) {
        const from = plot.valToPos(band.from, 'x', true)
        draw(from, Math.max(plot.valToPos(band.to, 'x', true), from + 2 * devicePixelRatio))
      }
    }
    const framed = (bands: Band[], name: string) => {
      context.fillStyle = color(name)
      context.strokeStyle = color(`${name}-line`)
      each(bands, (from, to) => {
        context.fillRect(from, top, to - from, height)
        context.strokeRect(from, top - 2, to - from, height + 4)
      })
    }
    context.fillStyle = color('--hole')
    each(this.incomplete, (from, to) => context.fillRect(from, top, to - from, height))
    context.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio])
    framed(this.repaired, '--repaired')
    framed(this.gaps, '--hole')
    context.restore()
  }

  private makeLegend() {
    const items: [string, string][] = [['Price', 'price']]
    if (this.names.average) items.push([this.names.average, 'average'])
    if (this.names.rolling) items.push([this.names.rolling, 'rolling'])
    this.values = []
    const rows = items.map(([text, kind]) => {
      const item = make('li', '', kind)
      const value = make('span', '', 'value')
      this.values.push(value)
      item.append(make('span', text), value)
      return item
    })
    const bands = [['hole', 'not observed'], ['repaired', 'fetched later']].map(([kind, text]) => {
      const item = make('li', '', kind)
      item.append(make('span', text))
      return item
    })
    byId('legend').replaceChildren(...rows, ...bands)
  }

  /** The values below the cursor, else the newest. */
  private legend() {
    const plot = this.plot
    if (!plot) return
    this.values.forEach((element, index) => {
      const series = plot.data[index + 1] ?? []
      let at = plot.cursor.idx ?? series.length - 1
      while (at >= 0 && series[at] === undefined) --at
      const value = series[at]
      setText(element, typeof value === 'number' ? group(value.toFixed(this.places)) : '–')
    })
  }

  private onKey(event: KeyboardEvent) {
    const plot = this.plot
    if (!plot || !['ArrowLeft', 'ArrowRight', 'Escape'].includes(event.key)) return
    event.preventDefault()
    if (event.key === 'Escape') {
      plot.setCursor({ left: -10, top: -10 })
      return
    }
    const width = plot.over.clientWidth
    const left = plot.cursor.left !== undefined && plot.cursor.left >= 0 ? plot.cursor.left : width
    const step = (event.shiftKey ? 10 : 1) * (width / 100)
    plot.setCursor({ left: Math.max(0, Math.min(width, left + (event.key === 'ArrowLeft' ? -step : step))), top: 10 })
  }

  /** For the label that a screen reader reads. */
  describe(instrument: string) {
    const minutes = Math.round(this.span_ms / 60_000)
    this.holder.setAttribute('aria-label', `Price of ${instrument} over ${minutes} minutes until ${new Date(this.now).toISOString().slice(11, 16)} UTC. Left and right move the cursor.`)
  }
}
