#!/usr/bin/env python3
"""Reads a lake with what its users have: deltalake and pyarrow, pandas, DuckDB.

    lake_readable.py LAKE [EXPECTED]

Every file that a table's log names must be readable, the readers must agree on the rows, no row may be there twice, and
if EXPECTED is given (JSON: table -> {"columns": [{"name", "type"}], "rows": [[...]]}, as `POST /api/v1/sql` answers), the
rows must be those, each value to the last digit."""
import collections
import datetime
import decimal
import json
import pathlib
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from duckdb_extensions import import_extension

TYPES = {"DECIMAL(38,18)": pa.decimal128(38, 18), "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
         "VARCHAR": pa.string(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_()}


def as_text(value):
    """A value as the product shows it: decimals without trailing zeros, times RFC 3339 in UTC."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, decimal.Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime.datetime):
        micros = value.astimezone(datetime.timezone.utc)
        digits = f"{micros.microsecond:06}"
        digits = "" if digits == "000000" else "." + (digits[:3] if digits.endswith("000") else digits)
        return micros.strftime("%Y-%m-%dT%H:%M:%S") + digits + "Z"
    return value


def rows_of(table, names):
    columns = [[as_text(value) for value in table.column(name).to_pylist()] for name in names]
    return collections.Counter(zip(*columns))


def check(folder, expected, connection):
    delta = DeltaTable(str(folder))
    table = delta.to_pyarrow_table()
    names = [name for name in table.column_names if name != "date"]
    rows = rows_of(table, names)

    files = delta.file_uris()
    counted = sum(pq.ParquetFile(file.removeprefix("file://")).metadata.num_rows for file in files)
    assert counted == table.num_rows, f"{counted} rows in {len(files)} files, {table.num_rows} by the log"
    twice = [row for row, count in rows.items() if count > 1]
    assert not twice, f"{len(twice)} rows more than once, for one {twice[0]}"

    for name, column in zip(table.column_names, table.columns):
        if pa.types.is_decimal(column.type):
            assert column.type == pa.decimal128(38, 18), f"{name} is {column.type}"
        if pa.types.is_timestamp(column.type):
            assert column.type == pa.timestamp("us", tz="UTC"), f"{name} is {column.type}"
    time = {"ticks": "ts_event", "windows": "window_start", "gaps": "from_ts", "dead_letters": "ts_recv",
            "candles": "open_time", "quality": "ts_recv"}.get(folder.name)
    if time and table.num_rows:
        frame = table.to_pandas()
        assert (frame["date"].astype(str) == frame[time].dt.strftime("%Y-%m-%d")).all(), "a date is not that of its row"

    by_duckdb = connection.execute(f"SELECT * FROM delta_scan('{folder}')").to_arrow_table()
    assert rows_of(by_duckdb, names) == rows, "DuckDB reads other rows than deltalake"
    if time and table.num_rows:  # A question that the statistics of the files may answer must not lose rows.
        newest = connection.execute(f"SELECT max({time}) FROM delta_scan('{folder}')").fetchone()[0]
        found = connection.execute(f"SELECT count(*) FROM delta_scan('{folder}') WHERE {time} >= $1", [newest]).fetchone()[0]
        assert found == sum(1 for value in table.column(time).to_pylist() if value >= newest), "rows were passed over"

    if expected is not None:
        wanted = [column["name"] for column in expected["columns"]]
        assert sorted(wanted) == sorted(names), f"columns {names}, expected {wanted}"
        for column in expected["columns"]:
            found = table.schema.field(column["name"]).type
            found = pa.string() if pa.types.is_large_string(found) or pa.types.is_string_view(found) else found
            assert found == TYPES[column["type"]], f"{column['name']} is {found}, expected {column['type']}"
        wanted_rows = collections.Counter(tuple(row) for row in expected["rows"])
        found_rows = rows_of(table, wanted)
        assert found_rows == wanted_rows, f"rows differ, for one {next(iter((wanted_rows - found_rows) or (found_rows - wanted_rows)))}"
    print(f"{folder.name}: {table.num_rows} rows in {len(files)} files, version {delta.version()}")


def main():
    lake = pathlib.Path(sys.argv[1])
    expected = json.loads(pathlib.Path(sys.argv[2]).read_text()) if len(sys.argv) > 2 else {}
    import_extension("delta")
    connection = duckdb.connect()
    connection.execute("LOAD delta")
    connection.execute("SET TimeZone = 'UTC'")
    failures = 0
    for folder in sorted(path.parent for path in lake.glob("*/_delta_log")):
        try:
            check(folder, expected.get(folder.name), connection)
        except Exception as error:  # Any reader's complaint is the test's finding.
            print(f"{folder.name}: {error}", file=sys.stderr)
            failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
