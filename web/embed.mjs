// Turns the built page into a C++ source: every file, compressed, as bytes (src/serve/assets.h has the type).
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}
const most_bytes = 150 * 1024

const files = readdirSync('dist', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .sort()

let total = 0
const arrays = []
const rows = []
for (const [index, file] of files.entries()) {
  const plain = readFileSync(file)
  const packed = gzipSync(plain, { level: 9 })
  const type = types[extname(file)]
  if (!type) throw new Error(`no content type is known for ${file}`)
  const path = file === join('dist', 'index.html') ? '/' : file.slice('dist'.length)
  const etag = createHash('sha256').update(plain).digest('hex').slice(0, 16)
  total += packed.length
  arrays.push(`constexpr unsigned char bytes_${index}[] = {${[...packed].join(',')}};`)
  rows.push(`    {"${path}", "${type}", "\\"${etag}\\"", text(bytes_${index})},`)
}
if (total > most_bytes) throw new Error(`the page is ${total} bytes, more than ${most_bytes}`)

writeFileSync(
  process.argv[2],
  `// Made by web/embed.mjs.
#include "serve/assets.h"

namespace tape::serve {
namespace {

template <std::size_t Size>
std::string_view text(const unsigned char (&bytes)[Size]) {
    return {reinterpret_cast<const char*>(bytes), Size};
}

${arrays.join('\n')}

const Asset table[] = {
${rows.join('\n')}
};

}  // namespace

std::span<const Asset> assets() { return table; }

}  // namespace tape::serve
`,
)
