#!/usr/bin/env python3
"""Third-party clients talk to the simulator, unmodified but for its address: each receives trades and tickers of every venue
that it supports, and the order books where the simulator has them. They know the exchanges' protocols from years of use, so what
they accept is not our own reading alone.
Run by scripts/integration in an environment of its own (tests/clients/requirements.txt); TAPE names the binary."""
import asyncio
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TAPE = os.environ.get("TAPE", "build/release/tape")
PATIENCE = 40  # Seconds for one client and venue.


class Simulator:
    """`tape simulate`, with TLS because some clients take no other address."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([TAPE, "--log-level", "error", "simulate", "--port", "0", "--rate", "200", *arguments],
                                        stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())

    def websocket(self, venue):
        return self.ready["venues"][venue]["ws"]

    def rest(self, venue):
        return self.ready["venues"][venue]["rest"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def market(symbol, native):
    base, quote = symbol.split("/")
    return {"id": native, "lowercaseId": native.lower(), "symbol": symbol, "base": base, "quote": quote, "baseId": base,
            "quoteId": quote, "spot": True, "swap": False, "future": False, "option": False, "type": "spot", "active": True,
            "contract": False, "precision": {"price": 0.01, "amount": 1e-8}, "limits": {}, "info": {}}


def point_ccxt(name, exchange, websocket, rest):
    """Only the addresses differ from the real exchange's."""
    if name == "binance":
        exchange.urls["api"]["ws"]["spot"] = websocket + "/ws"
        exchange.urls["api"]["public"] = rest + "/api/v3"
    elif name == "okx":
        exchange.urls["api"]["ws"] = websocket + "/ws/v5"
        exchange.urls["api"]["rest"] = rest
    elif name == "kucoin":
        exchange.urls["api"]["public"] = rest
    elif name in ("coinbase", "coinbaseexchange"):
        exchange.urls["api"]["ws"] = websocket
    elif name == "kraken":
        exchange.urls["api"]["ws"]["publicV2"] = websocket + "/v2"


CCXT = {"okx": ("okx", "BTC/USDT", "BTC-USDT"), "kucoin": ("kucoin", "BTC/USDT", "BTC-USDT"),
        "binance": ("binance", "BTC/USDT", "BTCUSDT"), "coinbase": ("coinbase", "BTC/USD", "BTC-USD"),
        "coinbaseexchange": ("coinbase", "BTC/USD", "BTC-USD"), "kraken": ("kraken", "BTC/USD", "XBTUSD")}


@contextlib.asynccontextmanager
async def ccxt_pro(name, simulator):
    """A WebSocket client of ccxt on the simulator, and the symbol that it is asked for."""
    import ccxt.pro
    venue, symbol, native = CCXT[name]
    exchange = getattr(ccxt.pro, name)({"enableRateLimit": False})
    try:
        point_ccxt(name, exchange, simulator.websocket(venue), simulator.rest(venue))
        exchange.open()
        exchange.set_markets([market(symbol, native)])
        yield exchange, symbol
    finally:
        await exchange.close()


async def watch_with_ccxt(name, simulator):
    async with ccxt_pro(name, simulator) as (exchange, symbol):
        trades = await asyncio.wait_for(exchange.watch_trades(symbol), PATIENCE)
        ticker = await asyncio.wait_for(exchange.watch_ticker(symbol), PATIENCE)
        return trades, ticker


async def ask_with_ccxt(name, simulator):
    """Markets, trades, ticker and candles over REST."""
    import ccxt.async_support
    venue, symbol, _ = CCXT[name]
    # Of these the simulator has spot alone.
    options = {"options": {"fetchMarkets": {"types": ["spot"]}, "defaultType": "spot"}} if name in ("binance", "kucoin", "okx") else {}
    exchange = getattr(ccxt.async_support, name)({"enableRateLimit": False, **options})
    rest = simulator.rest(venue)

    def moved(urls):
        if isinstance(urls, dict):
            return {key: moved(url) for key, url in urls.items()}
        return rest + "/".join(["", *urls.split("/")[3:]]) if isinstance(urls, str) and urls.startswith("http") else urls
    exchange.urls["api"] = moved(exchange.urls["api"])
    try:
        markets = await asyncio.wait_for(exchange.load_markets(), PATIENCE)
        return (markets, await exchange.fetch_trades(symbol, limit=5), await exchange.fetch_ticker(symbol),
                await exchange.fetch_ohlcv(symbol, "1m", limit=5))
    finally:
        await exchange.close()


async def watch_book_with_ccxt(name, simulator, count):
    """Some looks at an order book; ccxt throws where OKX's sequence of changes has a gap."""
    async with ccxt_pro(name, simulator) as (exchange, symbol):
        looks = []
        for _ in range(count):
            book = await asyncio.wait_for(exchange.watch_order_book(symbol), PATIENCE)
            looks.append((book["nonce"], book["bids"][0][0], book["asks"][0][0], len(book["bids"]), len(book["asks"])))
        return looks


CRYPTOFEED = r"""
import json, os, sys
from decimal import Decimal
from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, WebsocketEndpoint
from cryptofeed.defines import L2_BOOK, TICKER, TRADES
from cryptofeed import exchanges

name, websocket, rest, symbol, *books = sys.argv[1:]
Exchange = getattr(exchanges, name)

def moved(address, to):
    return to + "/".join(["", *address.split("/")[3:]])

if Exchange.websocket_endpoints:  # KuCoin's comes with the token.
    endpoint = Exchange.websocket_endpoints[0]
    Exchange.websocket_endpoints = [WebsocketEndpoint(moved(endpoint.address, websocket), options=endpoint.options)]
endpoint = Exchange.rest_endpoints[0]
Exchange.rest_endpoints = [RestEndpoint(moved(endpoint.address, rest), routes=endpoint.routes)]
if name == "KuCoin":  # Its token's address is written into the class.
    write = Exchange.http_sync.write
    Exchange.http_sync.write = lambda address, **rest_of: write(address.replace("https://api.kucoin.com", rest), **rest_of)
channels = [channel for channel in (TRADES, TICKER) if channel in Exchange.websocket_channels]  # Coinbase's has no ticker.
if books:
    channels.append(L2_BOOK)
seen = {channel: 0 for channel in channels}
# Coinbase's class signs its requests, which public channels do not need: any key does.
config = {"log": {"disabled": True}, "coinbase": {"key_id": "any", "key_secret": "any"}}
handler = FeedHandler(config=config)

async def count(channel, data):
    assert Decimal(data.price if channel == TRADES else data.bid) > 0
    seen[channel] += 1
    if all(n >= 3 for n in seen.values()):
        print(json.dumps(seen)); sys.stdout.flush(); os._exit(0)

async def on_trade(trade, at): await count(TRADES, trade)
async def on_ticker(ticker, at): await count(TICKER, ticker)

async def on_book(book, at):
    if book.delta:  # After a snapshot: a wrong checksum of it or of a change would begin anew.
        seen[L2_BOOK] += 1

handler.add_feed(Exchange(symbols=[symbol], channels=channels, config=config, checksum_validation=bool(books),
                          callbacks={TRADES: on_trade, TICKER: on_ticker, L2_BOOK: on_book}))
handler.run()
"""


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.plain = Simulator()
        cls.secure = Simulator("--tls")

    @classmethod
    def tearDownClass(cls):
        cls.plain.stop()
        cls.secure.stop()

    def ccxt(self, name):
        trades, ticker = asyncio.run(watch_with_ccxt(name, self.plain))
        self.assertTrue(trades)
        for trade in trades:
            self.assertEqual(trade["symbol"], CCXT[name][1])
            self.assertGreater(trade["price"], 0)
            self.assertGreater(trade["amount"], 0)
            self.assertIn(trade["side"], ("buy", "sell"))
            self.assertIsNotNone(trade["timestamp"])
        self.assertEqual(ticker["symbol"], CCXT[name][1])
        self.assertGreater(ticker["last"], 0)

    def test_ccxt_okx(self):
        self.ccxt("okx")

    def test_ccxt_kucoin(self):
        self.ccxt("kucoin")

    def test_ccxt_binance(self):
        self.ccxt("binance")

    def test_ccxt_coinbase_advanced(self):
        self.ccxt("coinbase")

    def test_ccxt_coinbase_exchange(self):
        self.ccxt("coinbaseexchange")

    def test_ccxt_kraken(self):
        self.ccxt("kraken")

    def ccxt_book(self, name, depth):
        looks = asyncio.run(watch_book_with_ccxt(name, self.plain, 12))
        for _, bid, ask, bids, asks in looks:
            self.assertLess(bid, ask)
            self.assertEqual((bids, asks), (depth, depth))
        return looks

    def test_ccxt_okx_book(self):
        looks = self.ccxt_book("okx", 400)
        numbers = [look[0] for look in looks]
        self.assertEqual(numbers, sorted(numbers))
        self.assertGreater(numbers[-1], numbers[0])

    def test_ccxt_kraken_book(self):
        looks = self.ccxt_book("kraken", 10)
        self.assertGreater(len(set(looks)), 1)

    def test_ccxt_rest(self):
        for name, (_, symbol, _) in CCXT.items():
            with self.subTest(name):
                markets, trades, ticker, candles = asyncio.run(ask_with_ccxt(name, self.plain))
                self.assertIn(symbol, markets)
                self.assertGreaterEqual(len(trades), 5)
                self.assertGreater(ticker["last"], 0)
                self.assertTrue(candles)

    def cryptofeed(self, name, venue, symbol, *books):
        environment = dict(os.environ, SSL_CERT_FILE=self.secure.ready["ca"], REQUESTS_CA_BUNDLE=self.secure.ready["ca"])
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "feed.py"
            script.write_text(CRYPTOFEED)
            run = subprocess.run([sys.executable, script, name, self.secure.websocket(venue), self.secure.rest(venue), symbol, *books],
                                 env=environment, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, run.stderr[-2000:])
        seen = json.loads(run.stdout.splitlines()[-1])
        self.assertIn("trades", seen)
        self.assertGreaterEqual(min(seen.values()), 3, seen)

    def test_cryptofeed_okx(self):
        self.cryptofeed("OKX", "okx", "BTC-USDT")

    def test_cryptofeed_okx_book(self):
        """It computes each checksum anew."""
        self.cryptofeed("OKX", "okx", "BTC-USDT", "book")

    def test_cryptofeed_coinbase(self):
        """It has no tickers of Coinbase."""
        self.cryptofeed("Coinbase", "coinbase", "BTC-USD")

    def test_cryptofeed_kucoin(self):
        self.cryptofeed("KuCoin", "kucoin", "BTC-USDT")

    def test_cryptofeed_binance(self):
        self.cryptofeed("Binance", "binance", "BTC-USDT")


if __name__ == "__main__":
    unittest.main()
