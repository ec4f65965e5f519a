// What the server sends. Decimals are strings and shown as they come; numbers are made of them for drawing alone.

export interface Tick {
  venue: string
  symbol: string
  kind: string
  price: string | null
  size: string | null
  side: 'buy' | 'sell' | null
  bid: string | null
  ask: string | null
  ts_event: string
  ts_recv: string
}

export interface WindowRow {
  window_name: string
  venue: string
  symbol: string
  window_start: string
  window_end: string
  tick_count: number
  open: string
  high: string
  low: string
  close: string
  mean: string
  vwap: string | null
  stddev: string | null
  volume: string | null
  change_pct: string | null
  complete: boolean
  gap_ms: number
  revision: number
}

export interface Gap {
  venue: string
  symbol: string | null // Null: all of the venue.
  channel: string | null
  cause: string
  from_ts: string
  to_ts: string
  from_id: number | null
  missing: number | null // Trades; null where nobody knows.
  status: 'open' | 'backfilled' | 'unrecoverable'
}

export interface Instrument {
  venue: string
  symbol: string
  windows: string[]
  latest: Tick | null
  earliest: { price: string; ts_event: string } | null
}

/** What /api/v1/status says, as far as the page reads it; every part may be absent. */
export interface Status {
  version?: string
  sources?: { slot: string; venue: string; connected: boolean; stale?: number }[]
  partitions?: { name: string; lag_records?: number }[]
  windows?: { name: string; size: string; slide: string }[]
}

export type Message =
  | { type: 'second'; now: string; simulated: boolean; lag_ms: number | null; last_record: string | null; status: Status; latest: Tick[]; gaps: Gap[] }
  | { type: 'live'; ticks: Tick[]; windows: WindowRow[] }
  | { type: 'error'; error: string }

async function get<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
  const query = new URLSearchParams(parameters).toString()
  const answer = await fetch(`/api/v1/${path}${query ? `?${query}` : ''}`)
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
  return answer.json() as Promise<T>
}

export const fetchSymbols = async () => (await get<{ symbols: Instrument[] }>('symbols')).symbols

export const fetchPrices = async (venue: string, symbol: string) =>
  (await get<{ ticks: { ts_event: string; price: string }[] }>('ticks', { venue, symbol, step: '1s', limit: '1000', columns: 'ts_event,price' })).ticks

export const fetchWindows = async (venue: string, symbol: string, window: string, limit: number) =>
  (await get<{ windows: WindowRow[] }>('windows', { venue, symbol, window, limit: String(limit) })).windows

/** Only what a line needs. */
export const fetchMeans = async (venue: string, symbol: string, window: string) =>
  (await get<{ windows: WindowRow[] }>('windows', { venue, symbol, window, limit: '1000', columns: 'window_name,window_start,window_end,mean,complete' })).windows

export const fetchGaps = async () => (await get<{ gaps: Gap[] }>('gaps', { limit: '200' })).gaps
