// Text of values, exact: digits are grouped and filled up with zeros, never computed.

/** The number of digits behind the point. */
export function decimals(value: string): number {
  const point = value.indexOf('.')
  return point < 0 ? 0 : value.length - point - 1
}

/** "68340.1" with two places: "68,340.10". More digits than `places` all stay. */
export function group(value: string, places = 0): string {
  const negative = value.startsWith('-')
  const [whole = '', fraction = ''] = (negative ? value.slice(1) : value).split('.')
  const filled = fraction.padEnd(places, '0')
  return (negative ? '−' : '') + whole.replace(/\B(?=(\d{3})+$)/g, ',') + (filled ? `.${filled}` : '')
}

/** The time of day of an RFC 3339 time in UTC: "10:00:30". */
export const clock = (time: string): string => time.slice(11, 19)

export const millis = (time: string): number => Date.parse(time)

/** "+0.42 %" of two prices; for showing alone. */
export function change(from: number, to: number): { text: string; direction: Direction } {
  const percent = ((to - from) / from) * 100
  const text = Math.abs(percent).toFixed(2)
  if (text === '0.00') return { text: '0.00 %', direction: 'flat' }
  return percent > 0 ? { text: `+${text} %`, direction: 'up' } : { text: `−${text} %`, direction: 'down' }
}

export type Direction = 'up' | 'down' | 'flat'

/** The sign of an exact decimal. */
export function direction(value: string | null): Direction {
  if (!value || !/[1-9]/.test(value)) return 'flat'
  return value.startsWith('-') ? 'down' : 'up'
}

/** "45 ms", "3.2 s", "2 min", "1.5 h". */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  return `${(ms / 3_600_000).toFixed(1)} h`
}

/** Whether the outage still lasts: such a gap has no end yet. */
export const lasts = (gap: { status: string; from_ts: string; to_ts: string }): boolean => gap.status === 'open' && gap.from_ts === gap.to_ts

/** How long ago, without the unrest of milliseconds: "now", "3 s", "2 min". */
export const age = (ms: number): string => (ms < 1_000 ? 'now' : ms < 60_000 ? `${Math.floor(ms / 1_000)} s` : span(ms))

/** "30s" or "1m", as the status and configs write spans, in milliseconds. */
export function parseSpan(text: string): number {
  const parts = /^(\d+)(ms|s|m|h|d)$/.exec(text)
  const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  return parts ? Number(parts[1]) * (units[parts[2] ?? ''] ?? 0) : 0
}
