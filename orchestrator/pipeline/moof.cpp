// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/moof.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

namespace auralink::pipeline {
namespace {

using Bytes = std::span<std::uint8_t>;

constexpr std::size_t kHeader = 8, kFullHeader = 12;
// tfhd flags
constexpr std::uint32_t kBaseDataOffset = 0x01, kDescriptionIndex = 0x02, kDefaultDuration = 0x08,
                        kDefaultSize = 0x10, kDefaultFlags = 0x20;
// trun flags
constexpr std::uint32_t kDataOffset = 0x001, kFirstSampleFlags = 0x004, kDuration = 0x100, kSize = 0x200;
constexpr std::uint32_t kNonSync = 0x10000;  // sample flags

std::uint32_t read32(Bytes at) noexcept {
  return std::uint32_t{at[0]} << 24U | std::uint32_t{at[1]} << 16U | std::uint32_t{at[2]} << 8U | at[3];
}
void write32(Bytes at, std::uint32_t value) noexcept {
  for (unsigned i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (24U - 8U * i));
}

/// The box at the front of `at`; empty when there is none.
Bytes front_box(Bytes at) noexcept {
  if (at.size() < kHeader) return {};
  const std::size_t size = read32(at);
  return size < kHeader || size > at.size() ? Bytes{} : at.first(size);
}
bool is(Bytes box, std::string_view type) noexcept {
  return box.size() >= kHeader && std::memcmp(box.data() + 4, type.data(), 4) == 0;
}
std::uint32_t flags_of(Bytes box) noexcept { return read32(box.subspan(8)) & 0xFFFFFFU; }
void set_flags(Bytes box, std::uint32_t flags) noexcept {
  write32(box.subspan(8), (read32(box.subspan(8)) & 0xFF000000U) | flags);
}

/// What matters of one track fragment; all boxes lie in it, in this order.
struct TrackFragment {
  Bytes tfhd, first_run;
  std::size_t size_at = 0;  ///< in tfhd: where a default size stands or would stand
  bool needs_default = false;
};

std::optional<TrackFragment> look_at(Bytes traf) noexcept {
  TrackFragment out;
  for (Bytes rest = traf.subspan(kHeader); !rest.empty();) {
    const Bytes box = front_box(rest);
    if (box.empty()) return std::nullopt;
    if (is(box, "tfhd")) out.tfhd = box;
    if (is(box, "trun")) {
      if (box.size() < kFullHeader + 4) return std::nullopt;
      if (out.first_run.empty()) out.first_run = box;
      out.needs_default = out.needs_default || (flags_of(box) & kSize) == 0;
    }
    rest = rest.subspan(box.size());
  }
  if (out.tfhd.size() < kFullHeader + 4 || out.first_run.empty() || out.first_run.data() < out.tfhd.data())
    return std::nullopt;
  const auto flags = flags_of(out.tfhd);
  out.size_at = kFullHeader + 4 + ((flags & kBaseDataOffset) != 0 ? 8 : 0) +
                ((flags & kDescriptionIndex) != 0 ? 4 : 0) + ((flags & kDefaultDuration) != 0 ? 4 : 0);
  const std::size_t expected = out.size_at + ((flags & kDefaultFlags) != 0 ? 4 : 0);
  if ((flags & kDefaultSize) != 0 || out.tfhd.size() != expected)
    return std::nullopt;  // nothing missing, or not ours
  return out;
}

bool mend_track(Bytes traf) noexcept {
  const auto fragment = look_at(traf);
  if (!fragment || !fragment->needs_default) return false;
  const Bytes run = fragment->first_run, tfhd = fragment->tfhd;
  const auto run_flags = flags_of(run), tfhd_flags = flags_of(tfhd);
  if ((run_flags & kSize) == 0) return false;  // no run says what the default was
  const std::size_t size_in_run = kFullHeader + 4 + ((run_flags & kDataOffset) != 0 ? 4 : 0) +
                                  ((run_flags & kFirstSampleFlags) != 0 ? 4 : 0) +
                                  ((run_flags & kDuration) != 0 ? 4 : 0);
  if (run.size() < size_in_run + 4) return false;
  const std::uint32_t size = read32(run.subspan(size_in_run));
  const Bytes default_flags = tfhd.subspan(fragment->size_at);
  if (read32(run.subspan(kFullHeader)) == 1) {
    // The only sample of the first run has the default size: its four bytes move up into the tfhd.
    auto* from = tfhd.data() + fragment->size_at;
    auto* to = run.data() + size_in_run;
    write32(tfhd, static_cast<std::uint32_t>(tfhd.size() + 4));
    set_flags(tfhd, tfhd_flags | kDefaultSize);
    write32(run, static_cast<std::uint32_t>(run.size() - 4));
    set_flags(run, run_flags & ~kSize);
    std::move_backward(from, to, to + 4);
    write32(Bytes{from, 4}, size);
    return true;
  }
  if ((tfhd_flags & kDefaultFlags) != 0 && (read32(default_flags) & kNonSync) == 0) {
    // Sync samples only, as without any flags: a default size can stand there instead.
    set_flags(tfhd, (tfhd_flags & ~kDefaultFlags) | kDefaultSize);
    write32(default_flags, size);
    return true;
  }
  return false;
}

}  // namespace

unsigned mend_moof(Bytes box) noexcept {
  if (!is(box, "moof") || front_box(box).size() != box.size()) return 0;
  unsigned mended = 0;
  for (Bytes rest = box.subspan(kHeader); !rest.empty();) {
    const Bytes child = front_box(rest);
    if (child.empty()) break;
    if (is(child, "traf") && mend_track(child)) ++mended;
    rest = rest.subspan(child.size());
  }
  return mended;
}

}  // namespace auralink::pipeline
