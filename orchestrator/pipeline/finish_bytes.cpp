// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/finish_bytes.hpp"

#include <algorithm>

namespace auralink::pipeline::finish {

Result<void> copy(const ByteSource& source, std::uint64_t offset, std::uint64_t length, ByteSink& sink) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 20U;
  Bytes buffer(static_cast<std::size_t>(std::min(length, kMost)));
  while (length > 0) {
    const auto part = std::span{buffer}.first(static_cast<std::size_t>(std::min(length, kMost)));
    if (!source.read(offset, part)) return tl::unexpected(std::string{"a piece cannot be read"});
    if (auto written = sink.write(part); !written) return written;
    offset += part.size();
    length -= part.size();
  }
  return {};
}

}  // namespace auralink::pipeline::finish
