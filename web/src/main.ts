// The page: what arrives goes into the store, and one timer draws what changed.
import './style.css'
import { fetchGaps, fetchMeans, fetchPrices, fetchSymbols, fetchWindows, type Gap, type Instrument, type Message, type Status, type Tick, type WindowRow } from './api'
import { Chart } from './chart'
import { byId, choices, make, setText } from './dom'
import { age, change, decimals, group, millis, span } from './format'
import { Live } from './live'
import { chartWindows, Gaps, Store } from './store'
import { isNewer, LatestTable, showGaps, showSources, showWindows, windowsHead } from './tables'

const draw_every_ms = 250
const speak_every_ms = 15_000
const refresh_every_ms = 15_000
const stale_after_ms = 10_000
const spans: readonly [string, string][] = [['60000', '1 min'], ['300000', '5 min'], ['900000', '15 min']]

const store = new Store()
const gaps = new Gaps()
const instruments = new Map<string, Instrument>()
const places = new Map<string, number>() // Decimals of an instrument's prices, the most that were seen.
let chosen: Instrument | undefined
let status: Status = {}
let open = false
let simulated = false
let lag_ms: number | null = null
let last_record: string | null = null
let skew_ms = 0 // The server's clock less ours.
let loading = 0 // The number of the newest load; an older one that ends later is ignored.
let shown_window = ''
let chart_span = '300000'
let spoken_at = 0
let before: string | null = null // The price shown before.

const keyOf = (row: { venue: string; symbol: string }) => `${row.venue}|${row.symbol}`
const now = () => Date.now() + skew_ms

windowsHead()
const chart = new Chart({ average: 'avg_30s', rolling: 'roll_1m' })
const latest = new LatestTable(choose)
const live = new Live(onMessage, onState)

/** What fails while the server is away is asked again when it is back. */
function quietly(work: Promise<unknown>) {
  work.catch((error: unknown) => console.warn(String(error)))
}

function onState(state: boolean) {
  open = state
  if (!state) return
  quietly(loadSymbols().then(loadChosen))
  quietly(fetchGaps().then((rows) => gaps.add(rows)))
}

/** What was fetched afterwards belongs into the lines of the chosen instrument. */
function takeGaps(rows: Gap[]) {
  const filled = gaps.add(rows).some((gap) => gap.status === 'backfilled' && chosen && gaps.of(chosen).includes(gap))
  if (filled) quietly(loadChosen())
}

function onMessage(message: Message) {
  if (message.type === 'second') {
    skew_ms = millis(message.now) - Date.now()
    ;({ lag_ms, last_record, simulated } = message)
    status = message.status
    message.latest.forEach(takeTick)
    if (message.gaps.length > 0) takeGaps(message.gaps)
    const unknown = message.latest.some((tick) => !instruments.has(keyOf(tick)))
    if (unknown || instruments.size === 0) quietly(loadSymbols())
  } else if (message.type === 'live') {
    message.ticks.forEach(takeTick)
    for (const row of message.windows) if (chosen && keyOf(row) === keyOf(chosen)) store.addWindow(row)
  } else {
    console.warn(message.error)
  }
}

function takeTick(tick: Tick) {
  const key = keyOf(tick)
  const instrument = instruments.get(key)
  if (!instrument || !tick.price) return
  places.set(key, Math.max(places.get(key) ?? 0, decimals(tick.price)))
  if (isNewer(tick, instrument.latest)) instrument.latest = tick
  if (instrument === chosen) store.addPrice(tick.ts_event, tick.price)
}

async function loadSymbols() {
  for (const fresh of await fetchSymbols()) {
    const key = keyOf(fresh)
    const known = instruments.get(key)
    if (known) Object.assign(known, fresh, { latest: fresh.latest && isNewer(fresh.latest, known.latest) ? fresh.latest : known.latest })
    else instruments.set(key, fresh)
    if (fresh.latest?.price) places.set(key, Math.max(places.get(key) ?? 0, decimals(fresh.latest.price)))
  }
  fillPickers()
  if (!chosen) chooseFirst()
}

function chooseFirst() {
  const [venue, symbol] = decodeURIComponent(location.hash.slice(1)).split('/')
  const wanted = instruments.get(`${venue}|${symbol}`)
  const any = sorted().find((instrument) => instrument.latest?.price) ?? sorted()[0]
  const first = wanted ?? any
  if (first) choose(first.venue, first.symbol)
}

const sorted = () => [...instruments.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))

function choose(venue: string, symbol: string) {
  const next = instruments.get(`${venue}|${symbol}`)
  if (!next || next === chosen) return
  chosen = next
  before = null
  spoken_at = 0
  store.clear()
  history.replaceState(null, '', `#${venue}/${symbol}`)
  fillPickers()
  live.subscribe(venue, symbol)
  quietly(loadChosen())
}

/** The history of the chosen instrument; live rows that came meanwhile stay. */
async function loadChosen() {
  if (!chosen) return
  const { venue, symbol, windows } = chosen
  const mine = ++loading
  const { names, average, rolling } = chartWindows(status, chosen)
  const wanted = names.filter((name) => windows.includes(name))
  const answers = await Promise.all([
    fetchPrices(venue, symbol),
    ...wanted.map((name) => (name === rolling ? fetchMeans(venue, symbol, name) : fetchWindows(venue, symbol, name, name === average ? 60 : 30))),
    ...(rolling && wanted.includes(rolling) ? [fetchWindows(venue, symbol, rolling, 30)] : []),
  ])
  if (mine !== loading) return
  const [prices, ...rows] = answers as [Awaited<ReturnType<typeof fetchPrices>>, ...WindowRow[][]]
  const newer = store.points
  store.points = []
  prices.forEach((point) => store.addPrice(point.ts_event, point.price))
  const last = store.points.at(-1)?.at ?? 0
  store.points.push(...newer.filter((point) => point.at > last))
  rows.flat().forEach((row) => store.addWindow({ ...row, venue, symbol }))
}

// ---- Drawing ----

function fillPickers() {
  const venue = byId<HTMLSelectElement>('venue')
  const symbol = byId<HTMLSelectElement>('symbol')
  const all = sorted()
  options(venue, [...new Set(all.map((instrument) => instrument.venue))], chosen?.venue)
  options(symbol, all.filter((instrument) => instrument.venue === chosen?.venue).map((instrument) => instrument.symbol), chosen?.symbol)
}

function options(select: HTMLSelectElement, values: string[], value: string | undefined) {
  if ([...select.options].map((option) => option.value).join() !== values.join())
    select.replaceChildren(...values.map((text) => new Option(text, text)))
  if (value !== undefined && select.value !== value) select.value = value
}

byId('venue').onchange = () => {
  const venue = byId<HTMLSelectElement>('venue').value
  const there = sorted().filter((instrument) => instrument.venue === venue)
  const base = (instrument: Instrument | undefined) => instrument?.symbol.split('-')[0]
  const next = there.find((instrument) => instrument.symbol === chosen?.symbol) ?? there.find((instrument) => base(instrument) === base(chosen)) ?? there[0]
  if (next) choose(next.venue, next.symbol)
}
byId('symbol').onchange = () => choose(byId<HTMLSelectElement>('venue').value, byId<HTMLSelectElement>('symbol').value)
byId('pickers').onsubmit = (event) => event.preventDefault()
window.onhashchange = () => chooseFirst()

function drawState() {
  const source_down = (status.sources ?? []).some((source) => source.venue === chosen?.venue && (!source.connected || Boolean(source.stale)))
  const silent = last_record !== null && now() - millis(last_record) > stale_after_ms
  const quiet = chosen?.latest ? now() - millis(chosen.latest.ts_recv) > 3 * stale_after_ms : false
  const stale = instruments.size > 0 && (!open || source_down || silent || quiet)
  byId('stale').hidden = !stale
  byId('stale').title = !open ? 'The server does not answer' : source_down ? 'The exchange is not connected' : 'No new price arrives'
  byId('simulated').hidden = !simulated
  document.body.classList.toggle('is-stale', stale)
  const connection = byId('connection')
  setText(connection, open ? 'Live' : 'Reconnecting')
  connection.classList.toggle('open', open)
  setText(byId('lag'), lag_ms === null ? '–' : span(lag_ms))
  setText(byId('clock'), `${new Date(now()).toISOString().slice(11, 19)} UTC`)
  setText(byId('version'), status.version ? `Tickertape ${status.version}` : 'Tickertape')
}

function fact(name: string, value: string) {
  const group_of = make('div')
  group_of.append(make('dt', name), make('dd', value))
  return group_of
}

function drawPrice() {
  const tick = chosen?.latest
  if (!chosen || !tick?.price) return
  const digits = places.get(keyOf(chosen)) ?? 0
  const text = group(tick.price, digits)
  const instrument = `${chosen.symbol} on ${chosen.venue}`
  setText(byId('instrument'), instrument)
  if (before !== tick.price) {
    const moved = before === null ? 0 : Math.sign(Number(tick.price) - Number(before))
    setText(byId('price'), text)
    const arrow = byId('arrow')
    setText(arrow, moved > 0 ? '▲' : moved < 0 ? '▼' : '')
    arrow.className = `arrow ${moved > 0 ? 'up' : moved < 0 ? 'down' : ''}`
    document.title = `${text} ${chosen.symbol} · Tickertape`
    before = tick.price
  }
  const first = store.points.find((point) => point.price !== null && point.at >= now() - Number(chart_span))?.price
  if (first) {
    const moved = change(first, Number(tick.price))
    const minutes = spans.find(([ms]) => ms === chart_span)?.[1] ?? ''
    setText(byId('change'), `${moved.text} in ${minutes}`)
    byId('change').className = `change ${moved.direction}`
  }
  const seen = store.points.filter((point) => point.price !== null && point.at >= now() - Number(chart_span)).map((point) => point.price as number)
  const facts: [string, string][] = []
  if (seen.length > 0) facts.push(['High', group(Math.max(...seen).toFixed(digits))], ['Low', group(Math.min(...seen).toFixed(digits))])
  if (tick.size) facts.push(['Last size', group(tick.size) + (tick.side ? ` ${tick.side}` : '')])
  facts.push(['Last tick', age(now() - millis(tick.ts_event))])
  byId('facts').replaceChildren(...facts.map(([name, value]) => fact(name, value)))
  if (Date.now() - spoken_at > speak_every_ms) {
    spoken_at = Date.now()
    setText(byId('spoken'), `${instrument}: ${text}, ${byId('change').textContent}`)
    chart.describe(instrument)
  }
}

function draw() {
  drawState()
  if (document.hidden) return
  latest.show(sorted(), chosen, places, now())
  showSources(status)
  const { names, average, rolling } = chartWindows(status, chosen)
  chart.setNames({ average, rolling })
  if (!names.includes(shown_window)) shown_window = average ?? names[0] ?? ''
  choices(byId('window-choice'), 'window', names.map((name) => [name, name] as [string, string]), shown_window, (name) => {
    shown_window = name
    draw()
  })
  choices(byId('span'), 'span', spans, chart_span, (ms) => {
    chart_span = ms
    chart.setSpan(Number(ms))
    draw()
  })
  drawPrice()
  showWindows(store.windows.get(shown_window) ?? [])
  showGaps(gaps)
  chart.draw(store, chosen ? gaps.of(chosen) : [], chosen ? (places.get(keyOf(chosen)) ?? 2) : 2, now())
}

setInterval(draw, draw_every_ms)
// New windows of an instrument and what the change is measured from.
setInterval(() => {
  if (open) quietly(loadSymbols())
}, refresh_every_ms)
draw()
