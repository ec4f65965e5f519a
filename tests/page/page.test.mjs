// The page in a real browser: it shows a price, the price moves, nothing leaves the machine, it is small, it fits a
// phone and works by keyboard.
//   TAPE=build/release/tape node tests/page/page.test.mjs      starts `tape run --simulate` on a folder of its own
//   TAPE_URL=http://127.0.0.1:8080/ node tests/page/page.test.mjs    asks a running one
// TAPE_SHOT=docs/page.png also stores a picture.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

const patience_ms = 90_000 // What has not come by then never comes; nothing is expected to take long.
const most_bytes = 150 * 1024

const { chromium } = await import('playwright-core').catch(() => ({}))
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const missing = !chromium ? 'playwright-core is not installed (scripts/setup test)' : !existsSync(executablePath) ? `there is no ${executablePath}` : ''

let tape, folder, url, browser

/** Starts the program and gives the address that it prints. */
async function start() {
  folder = mkdtempSync(join(tmpdir(), 'tape-page-'))
  const binary = process.env.TAPE ?? 'build/release/tape'
  tape = spawn(binary, ['run', '--simulate', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no address came:\n${output}`)), patience_ms)
    const take = (part) => {
      output += part
      const found = /dashboard: (http:\S+)/.exec(output)
      if (!found) return
      clearTimeout(timer)
      resolve(found[1])
    }
    tape.stdout.on('data', take)
    tape.stderr.on('data', take)
    tape.on('error', reject)
    tape.on('exit', (code) => reject(new Error(`${binary} ended with ${code}:\n${output}`)))
  })
}

/** A page that notes what goes wrong and what goes where; `prepare` may change what it is to get. */
async function open(options = {}, prepare = async () => {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options })
  const page = await context.newPage()
  await prepare(page)
  page.setDefaultTimeout(patience_ms)
  const notes = { wrong: [], elsewhere: [], bytes: 0 }
  page.on('pageerror', (error) => notes.wrong.push(String(error)))
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && notes.wrong.push(message.text()))
  page.on('request', (request) => new URL(request.url()).host === new URL(url).host || notes.elsewhere.push(request.url()))
  const network = await context.newCDPSession(page)
  await network.send('Network.enable')
  network.on('Network.loadingFinished', (event) => (notes.bytes += event.encodedDataLength))
  await page.goto(url)
  await page.waitForFunction(() => /\d/.test(document.getElementById('price').textContent))
  return { context, page, notes }
}

before(async () => {
  if (missing) return
  url = process.env.TAPE_URL ?? (await start())
  browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  })
}, { timeout: 2 * patience_ms })

after(async () => {
  await browser?.close()
  if (tape && tape.exitCode === null) {
    const gone = new Promise((resolve) => tape.once('exit', resolve))
    tape.kill('SIGTERM')
    await gone
  }
  if (folder) rmSync(folder, { recursive: true, force: true })
})

const options = { skip: missing || false, timeout: 3 * patience_ms }

test('shows a price that moves, windows and a chart, and asks nobody else', options, async () => {
  const { context, page, notes } = await open()
  const first = await page.textContent('#price')
  await page.waitForFunction((seen) => document.getElementById('price').textContent !== seen, first)
  await page.waitForFunction(() => document.querySelectorAll('#windows tr td').length > 1)
  await page.waitForFunction(() => document.querySelectorAll('#latest tr').length >= 2)
  assert.equal(await page.locator('#chart canvas').count(), 1)
  await page.waitForFunction(() => /\d/.test(document.querySelector('#legend .average .value')?.textContent ?? ''))
  await page.waitForFunction(() => document.getElementById('spoken').textContent.includes(' on '))
  assert.equal(await page.textContent('#connection'), 'Live')
  if (!process.env.TAPE_URL) assert.ok(await page.isVisible('#simulated'), 'the simulator is marked')
  assert.deepEqual(notes.wrong, [])
  assert.deepEqual(notes.elsewhere, [])
  assert.ok(notes.bytes > 10_000 && notes.bytes <= most_bytes, `the page and its first data are ${notes.bytes} bytes`)
  if (process.env.TAPE_SHOT) await page.screenshot({ path: process.env.TAPE_SHOT })
  await context.close()
})

test('prices are shown to the last digit the server sends', options, async () => {
  const { context, page } = await open()
  const shown = await page.evaluate(async () => {
    const answer = await (await fetch('/api/v1/windows?limit=1000')).json()
    const [row] = [...document.querySelectorAll('#windows tr')]
    const name = document.querySelector('#window-choice input:checked').value
    const cells = [...row.children].map((cell) => cell.textContent)
    const known = answer.windows.filter((one) => one.window_name === name && one.symbol === cells[1] && one.window_start.slice(11, 19) === cells[2])
    return { cells, means: known.map((one) => one.mean) }
  })
  assert.ok(shown.means.length === 0 || shown.means.includes(shown.cells[7].replaceAll(',', '').replace('−', '-')), JSON.stringify(shown))
  await context.close()
})

test('lists gaps of all venues, the newest first, by what became of them', options, async () => {
  const gap = (from_s, rest) => ({
    venue: 'okx', symbol: 'BTC-USDT', channel: 'trades', cause: 'disconnect', from_ts: new Date(Date.now() - from_s * 1000).toISOString(),
    to_ts: new Date(Date.now() - from_s * 1000 + 4000).toISOString(), from_id: null, to_id: null, missing: null, status: 'open', repaired_ts: null, ...rest,
  })
  const rows = [
    gap(90, { status: 'unrecoverable', cause: 'id_gap', from_id: 7, missing: 12345 }),
    gap(30, { venue: 'kucoin', symbol: null, channel: null }),
    gap(60, { status: 'backfilled', missing: 0 }),
  ]
  const { context, page, notes } = await open({}, (made) => made.route('**/api/v1/gaps*', (route) => route.fulfill({ json: { gaps: rows } })))
  await page.waitForFunction(() => document.querySelectorAll('#gaps tr').length >= 3)
  const shown = await page.evaluate(() => [...document.querySelectorAll('#gaps tr')].map((row) => [row.className, ...[...row.children].map((cell) => cell.textContent)]))
  const known = shown.filter((row) => row[6] !== 'open' || row[1] === 'kucoin').filter((row) => rows.some((one) => one.venue === row[1] && one.status === row[6]))
  assert.deepEqual(known.slice(0, 3).map((row) => row[0]), ['open', 'backfilled', 'unrecoverable'])
  const [first, , last] = known
  assert.equal(first[2], 'all', 'a gap without a symbol is one of all')
  assert.equal(first[5], '–')
  assert.equal(last[3], 'id gap')
  assert.equal(last[5], '12,345')
  assert.match(await page.textContent('#gaps-open'), /^\d+ open$/)
  const colors = await page.evaluate(() => ['open', 'backfilled', 'unrecoverable'].map((status) => getComputedStyle(document.querySelector(`#gaps .${status} .mark`)).color))
  assert.equal(new Set(colors).size, 3, `each status has its colour: ${colors}`)
  assert.deepEqual(notes.wrong, [])
  await context.close()
})

test('says so where nothing was missed', options, async () => {
  const { context, page } = await open({}, (made) => made.route('**/api/v1/gaps*', (route) => route.fulfill({ json: { gaps: [] } })))
  await page.waitForFunction(() => document.querySelectorAll('#gaps tr').length >= 1)
  assert.match(await page.textContent('#gaps'), /Nothing was missed|\d/)
  await context.close()
})

test('fits a phone without scrolling sideways, in the dark', options, async () => {
  const { context, page, notes } = await open({ viewport: { width: 390, height: 844 }, colorScheme: 'dark', hasTouch: true, isMobile: true })
  const [width, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  assert.ok(width <= inner, `${width} px wide on ${inner}`)
  assert.ok(await page.isVisible('#chart canvas'))
  assert.deepEqual(notes.wrong, [])
  await context.close()
})

test('works by keyboard', options, async () => {
  const { context, page, notes } = await open()
  await page.waitForFunction(() => document.querySelectorAll('#latest button').length >= 2)
  const reached = []
  for (let i = 0; i < 30; ++i) {
    await page.keyboard.press('Tab')
    reached.push(await page.evaluate(() => document.activeElement?.id || document.activeElement?.name || document.activeElement?.tagName))
  }
  for (const id of ['venue', 'symbol', 'span', 'chart']) assert.ok(reached.includes(id), `${id} is reached: ${reached}`)
  await page.focus('#symbol')
  const before_choice = await page.textContent('#instrument')
  await page.keyboard.press('ArrowDown')
  await page.waitForFunction((seen) => document.getElementById('instrument').textContent !== seen, before_choice)
  await page.waitForFunction(() => document.getElementById('spoken').textContent.startsWith(document.getElementById('instrument').textContent))
  await page.focus('#chart')
  await page.keyboard.press('ArrowLeft')
  assert.deepEqual(notes.wrong, [])
  await context.close()
})

test('every control has a name', options, async () => {
  const { context, page } = await open()
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll('select, input, button, [tabindex="0"]')]
      .filter((one) => !(one.labels?.length || one.textContent.trim() || one.getAttribute('aria-label') || one.getAttribute('aria-labelledby')))
      .map((one) => one.outerHTML))
  assert.deepEqual(nameless, [])
  await context.close()
})
