// Binance's list of symbols: https://developers.binance.com/docs/binance-spot-api-docs/rest-api
// What is not traded any more stays in it with status BREAK, and so it is megabytes.
#include "sim/binance_exchange_info.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "sim/binance_messages.h"

namespace tape::sim {
namespace {

constexpr std::array<std::string_view, 60> former_bases = {
    "AION", "ALPACA", "AMB",  "ANT",  "ARDR", "AST",   "BCC",  "BEAM",  "BLZ",  "BTCST",
    "BTG",  "BTS",    "BTT",  "BUSD", "BZRX", "COCOS", "CTXC", "CVP",   "DGB",  "DNT",
    "DOCK", "DREP",   "ELF",  "EPX",  "ERD",  "FIRO",  "FOR",  "FTT",   "GTO",  "GXS",
    "HC",   "HNT",    "IRIS", "KEEP", "KEY",  "LEND",  "LOOM", "MATIC", "MCO",  "MDX",
    "MFT",  "MIR",    "MITH", "NANO", "NBS",  "NPXS",  "NU",   "OMG",   "PERL", "PNT",
    "POLY", "QSP",    "RAMP", "REEF", "REN",  "SRM",   "STMX", "STORM", "SUSD", "TOMO"};
constexpr std::array<std::string_view, 20> former_quotes = {
    "BTC", "ETH", "BNB", "USDT", "BUSD", "TUSD", "USDC", "PAX",  "TRY", "EUR",
    "GBP", "AUD", "BRL", "RUB",  "UAH",  "NGN",  "IDRT", "BKRW", "ZAR", "DAI"};

struct Symbol {
    std::string_view name, base, quote, status;
    int price_decimals{}, size_decimals{};
};

constexpr std::string_view permissions =
    R"(["SPOT","MARGIN","TRD_GRP_004","TRD_GRP_005","TRD_GRP_006","TRD_GRP_007","TRD_GRP_008","TRD_GRP_009",)"
    R"("TRD_GRP_010","TRD_GRP_011","TRD_GRP_012","TRD_GRP_013","TRD_GRP_014","TRD_GRP_015","TRD_GRP_016",)"
    R"("TRD_GRP_017","TRD_GRP_018","TRD_GRP_019","TRD_GRP_020","TRD_GRP_021","TRD_GRP_022","TRD_GRP_023"])";

void append(std::string& out, const Symbol& symbol, bool permission_sets) {
    const std::string tick = binance_number(1, symbol.price_decimals);
    const std::string lot = binance_number(1, symbol.size_decimals);
    const bool trading = symbol.status == "TRADING";
    fmt::format_to(
        std::back_inserter(out),
        R"({{"symbol":"{0}","status":"{1}","baseAsset":"{2}","baseAssetPrecision":8,"quoteAsset":"{3}",)"
        R"("quotePrecision":8,"quoteAssetPrecision":8,"baseCommissionPrecision":8,"quoteCommissionPrecision":8,)"
        R"("orderTypes":["LIMIT","LIMIT_MAKER","MARKET","STOP_LOSS","STOP_LOSS_LIMIT","TAKE_PROFIT",)"
        R"("TAKE_PROFIT_LIMIT"],"icebergAllowed":true,"ocoAllowed":true,"otoAllowed":true,)"
        R"("quoteOrderQtyMarketAllowed":true,"allowTrailingStop":true,"cancelReplaceAllowed":true,)"
        R"("amendAllowed":true,"pegInstructionsAllowed":true,"isSpotTradingAllowed":{4},)"
        R"("isMarginTradingAllowed":{4},"filters":[{{"filterType":"PRICE_FILTER","minPrice":"{5}",)"
        R"("maxPrice":"1000000.00000000","tickSize":"{5}"}},{{"filterType":"LOT_SIZE","minQty":"{6}",)"
        R"("maxQty":"9000000.00000000","stepSize":"{6}"}},{{"filterType":"ICEBERG_PARTS","limit":100}},)"
        R"({{"filterType":"MARKET_LOT_SIZE","minQty":"0.00000000","maxQty":"100000.00000000",)"
        R"("stepSize":"0.00000000"}},{{"filterType":"TRAILING_DELTA","minTrailingAboveDelta":10,)"
        R"("maxTrailingAboveDelta":2000,"minTrailingBelowDelta":10,"maxTrailingBelowDelta":2000}},)"
        R"({{"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"5","bidMultiplierDown":"0.2",)"
        R"("askMultiplierUp":"5","askMultiplierDown":"0.2","avgPriceMins":5}},{{"filterType":"NOTIONAL",)"
        R"("minNotional":"5.00000000","applyMinToMarket":true,"maxNotional":"9000000.00000000",)"
        R"("applyMaxToMarket":false,"avgPriceMins":5}},{{"filterType":"MAX_NUM_ORDERS","maxNumOrders":200}},)"
        R"({{"filterType":"MAX_NUM_ORDER_LISTS","maxNumOrderLists":20}},{{"filterType":"MAX_NUM_ALGO_ORDERS",)"
        R"("maxNumAlgoOrders":5}}],"permissions":[],"permissionSets":[{7}],)"
        R"("defaultSelfTradePreventionMode":"EXPIRE_MAKER","allowedSelfTradePreventionModes":["EXPIRE_TAKER",)"
        R"("EXPIRE_MAKER","EXPIRE_BOTH","DECREMENT"]}})",
        symbol.name, symbol.status, symbol.base, symbol.quote, trading, tick, lot,
        permission_sets ? permissions : "");
}

}  // namespace

std::string binance_exchange_info(const Market& market, const ExchangeInfoQuery& query) {
    std::string out = fmt::format(
        R"({{"timezone":"UTC","serverTime":{},"rateLimits":[{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE",)"
        R"("intervalNum":1,"limit":6000}},{{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,)"
        R"("limit":100}},{{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":61000}}],)"
        R"("exchangeFilters":[],"symbols":[)",
        query.server_time);
    const auto add = [&](const Symbol& symbol) {
        if (out.back() == '}') out += ',';
        append(out, symbol, query.permission_sets);
    };
    for (const TradeSequence& trades : market.all()) {
        const Listing& listing = trades.listing();
        if (query.symbols.empty() ||
            std::ranges::find(query.symbols, trades.symbol()) != query.symbols.end())
            add({listing.native_symbol, listing.base, listing.quote, "TRADING",
                 listing.price_decimals, listing.size_decimals});
    }
    for (const std::string_view base : former_bases)
        for (const std::string_view quote : former_quotes)
            if (query.symbols.empty() && base != quote)
                add({fmt::format("{}{}", base, quote), base, quote, "BREAK", 8, 2});
    return out + "]}";
}

}  // namespace tape::sim
