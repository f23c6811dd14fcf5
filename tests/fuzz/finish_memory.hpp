// SPDX-License-Identifier: LGPL-2.1-or-later
// Media in memory, for the fuzz target and the tests of finishing.
#pragma once

#include <algorithm>
#include <string>

#include "orchestrator/pipeline/finish_bytes.hpp"

namespace auralink::pipeline::finish {

class Memory final : public ByteSource, public ByteSink {
 public:
  Memory() = default;
  explicit Memory(Bytes start) : bytes{std::move(start)} {}
  [[nodiscard]] std::uint64_t size() const override { return bytes.size(); }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    if (offset > bytes.size() || out.size() > bytes.size() - offset) return false;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return true;
  }
  [[nodiscard]] Result<void> write(View more) override {
    if (bytes.size() + more.size() > kMost) return tl::unexpected(std::string{"too much"});
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  }
  static constexpr std::size_t kMost = std::size_t{64} << 20U;
  Bytes bytes;
};

}  // namespace auralink::pipeline::finish
