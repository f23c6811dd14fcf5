// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/hls.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

namespace auralink::pipeline {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kHeader = 8;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kMostHeld = 256;
/// Fragments. What waits is lost with the process, and sound may have ended.
constexpr std::size_t kMostWaiting = 3;
// tfhd
constexpr std::uint32_t kBaseDataOffset = 0x01, kDescriptionIndex = 0x02, kDefaultDuration = 0x08,
                        kDefaultSize = 0x10, kDefaultFlags = 0x20, kBaseIsMoof = 0x020000;
// trun
constexpr std::uint32_t kDataOffset = 0x001, kFirstSampleFlags = 0x004, kDuration = 0x100, kSize = 0x200,
                        kFlags = 0x400, kComposition = 0x800;
constexpr std::uint32_t kNonSync = 0x10000;  // sample flags

std::uint32_t read32(Bytes at, std::size_t offset) noexcept {
  if (offset > at.size() || at.size() - offset < 4) return 0;
  return std::uint32_t{at[offset]} << 24U | std::uint32_t{at[offset + 1]} << 16U |
         std::uint32_t{at[offset + 2]} << 8U | at[offset + 3];
}
bool is(Bytes box, std::string_view type) noexcept {
  return box.size() >= kHeader && std::memcmp(box.data() + 4, type.data(), 4) == 0;
}

/// Calls `each` with every child of a container box; false when they do not fill it exactly.
template <class Span, class Each>
bool children(Span container, Each&& each) {
  for (auto rest = container.subspan(kHeader); !rest.empty();) {
    const std::size_t size = read32(rest, 0);
    if (rest.size() < kHeader || size < kHeader || size > rest.size()) return false;
    each(rest.first(size));
    rest = rest.subspan(size);
  }
  return true;
}

/// `ticks` of `timescale` in ns without overflow.
std::int64_t nanos(std::uint64_t ticks, std::uint32_t timescale) noexcept {
  if (timescale == 0) return 0;
  const std::uint64_t seconds = ticks / timescale, rest = ticks % timescale;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / kSecond / 4);
  if (seconds > kMost) return std::numeric_limits<std::int64_t>::max() / 4;
  return static_cast<std::int64_t>(seconds) * kSecond +
         static_cast<std::int64_t>(rest * static_cast<std::uint64_t>(kSecond) / timescale);
}

struct Run {
  std::uint64_t duration = 0;
  std::optional<std::uint32_t> first_flags;
};

std::optional<Run> read_run(Bytes trun, std::uint32_t default_duration, std::uint32_t default_flags) {
  if (trun.size() < kHeader + 8) return std::nullopt;
  const std::uint32_t flags = read32(trun, 8) & 0xFFFFFFU, count = read32(trun, 12);
  std::size_t at = kHeader + 8;
  if ((flags & kDataOffset) != 0) at += 4;
  Run run;
  if ((flags & kFirstSampleFlags) != 0) run.first_flags = read32(trun, at), at += 4;
  const auto field = [&](std::uint32_t flag) { return (flags & flag) != 0 ? std::size_t{4} : 0; };
  const std::size_t entry = field(kDuration) + field(kSize) + field(kFlags) + field(kComposition);
  if (at > trun.size() || (entry != 0 && count > (trun.size() - at) / entry)) return std::nullopt;
  if (count > 0 && !run.first_flags)
    run.first_flags =
        (flags & kFlags) != 0 ? read32(trun, at + field(kDuration) + field(kSize)) : default_flags;
  if ((flags & kDuration) == 0)
    run.duration = std::uint64_t{default_duration} * count;
  else
    for (std::uint32_t i = 0; i < count; ++i) run.duration += read32(trun, at + i * entry);
  return run;
}

tl::unexpected<std::string> bad(const char* what) { return tl::unexpected(std::string{what}); }

}  // namespace

tl::expected<void, std::string> HlsCutter::feed(std::span<const std::uint8_t> bytes) {
  if (failed_) return bad("the stream was refused before");
  rest_.insert(rest_.end(), bytes.begin(), bytes.end());
  std::size_t at = 0;
  while (rest_.size() - at >= kHeader) {
    const Bytes front = Bytes{rest_}.subspan(at);
    const std::size_t size = read32(front, 0);
    if (size < kHeader || size > kLongestBox) {
      failed_ = true;
      return bad("a box of the stream has an impossible size");
    }
    if (front.size() < size) break;
    if (auto taken = box({front.begin(), front.begin() + static_cast<std::ptrdiff_t>(size)}); !taken) {
      failed_ = true;
      return taken;
    }
    at += size;
  }
  rest_.erase(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(at));
  return {};
}

HlsCutter::Status HlsCutter::box(std::vector<std::uint8_t> bytes) {
  const Bytes whole{bytes};
  if (is(whole, "ftyp")) {
    if (init_.empty()) init_ = std::move(bytes);
    return {};
  }
  if (is(whole, "moov")) {
    if (!tracks_.empty()) return bad("the stream has a second moov");
    if (auto read = read_moov(whole); !read) return read;
    init_.insert(init_.end(), bytes.begin(), bytes.end());
    sink_.init(init_);
    init_ = {};
    return {};
  }
  if (is(whole, "moof")) {
    if (tracks_.empty()) return bad("a fragment comes before the moov");
    if (fragment_) return bad("a moof without mdat");
    Fragment fragment;
    if (auto read = read_moof(bytes, fragment); !read) return read;
    fragment.bytes = std::move(bytes);
    fragment_ = std::move(fragment);
    return {};
  }
  if (is(whole, "mdat")) {
    if (!fragment_) return bad("an mdat without moof");
    fragment_->bytes.insert(fragment_->bytes.end(), bytes.begin(), bytes.end());
    auto fragment = std::move(*fragment_);
    fragment_.reset();
    take(std::move(fragment));
    return {};
  }
  return {};  // styp, free, mfra: nothing a segment needs
}

HlsCutter::Status HlsCutter::read_moov(Bytes moov) {
  bool sound = children(moov, [&](Bytes trak) {
    if (!is(trak, "trak")) return;
    std::uint32_t id = 0;
    Track track;
    (void)children(trak, [&](Bytes box) {
      // version 1 has times of 64 bits before what is read here
      const bool wide = box.size() > kHeader && box[kHeader] == 1;
      if (is(box, "tkhd")) id = read32(box, wide ? 28 : 20);
      if (!is(box, "mdia")) return;
      (void)children(box, [&](Bytes inner) {
        const bool wide_inner = inner.size() > kHeader && inner[kHeader] == 1;
        if (is(inner, "mdhd")) track.timescale = read32(inner, wide_inner ? 28 : 20);
        if (is(inner, "hdlr"))
          track.video = inner.size() >= 20 && std::memcmp(inner.data() + 16, "vide", 4) == 0;
      });
    });
    if (id != 0 && track.timescale != 0 && tracks_.size() < 16) tracks_[id] = track;
  });
  sound = sound && children(moov, [&](Bytes mvex) {
            if (!is(mvex, "mvex")) return;
            (void)children(mvex, [&](Bytes trex) {
              if (!is(trex, "trex") || trex.size() < 32) return;
              const auto it = tracks_.find(read32(trex, 12));
              if (it == tracks_.end()) return;
              it->second.default_duration = read32(trex, 20);
              it->second.default_flags = read32(trex, 28);
            });
          });
  if (!sound || tracks_.empty()) return tracks_.clear(), bad("the moov has no track that could be cut");
  has_video_ = std::any_of(tracks_.begin(), tracks_.end(), [](const auto& t) { return t.second.video; });
  has_sound_ = std::any_of(tracks_.begin(), tracks_.end(), [](const auto& t) { return !t.second.video; });
  return {};
}

HlsCutter::Status HlsCutter::read_moof(std::span<std::uint8_t> moof, Fragment& into) const {
  unsigned trafs = 0;
  const char* fault = nullptr;
  const bool filled = children(moof, [&](std::span<std::uint8_t> traf) {
    if (!is(traf, "traf")) return;
    if (++trafs > 1) fault = "a moof with several tracks";
    Track track;
    std::uint64_t duration = 0;
    std::optional<std::uint64_t> start;
    std::optional<std::uint32_t> first_flags;
    std::uint32_t default_duration = 0, default_flags = 0;
    const bool inner = children(traf, [&](std::span<std::uint8_t> box) {
      if (is(box, "tfhd")) {
        const std::uint32_t flags = read32(box, 8) & 0xFFFFFFU;
        const auto it = tracks_.find(read32(box, 12));
        if (it == tracks_.end()) return void(fault = "a fragment of a track that the moov does not have");
        if ((flags & kBaseDataOffset) != 0)
          return void(fault = "a fragment that counts from the start of a file");
        track = it->second;
        std::size_t at = 16;
        const auto next = [&](std::uint32_t flag, std::uint32_t otherwise) {
          if ((flags & flag) == 0) return otherwise;
          at += 4;
          return read32(box, at - 4);
        };
        (void)next(kDescriptionIndex, 0);
        default_duration = next(kDefaultDuration, track.default_duration);
        (void)next(kDefaultSize, 0);
        default_flags = next(kDefaultFlags, track.default_flags);
        // mp4mux 1.22 leaves it out; without it, offsets count from the moof by an old rule that Media Source
        // Extensions do not accept.
        if (box.size() > 9) box[9] = static_cast<std::uint8_t>(box[9] | (kBaseIsMoof >> 16U));
      }
      if (is(box, "tfdt"))
        start = box.size() > kHeader && box[kHeader] == 1
                    ? std::uint64_t{read32(box, 12)} << 32U | read32(box, 16)
                    : read32(box, 12);
      if (is(box, "trun")) {
        const auto run = read_run(box, default_duration, default_flags);
        if (!run) return void(fault = "a track run longer than its box");
        duration += run->duration;
        if (!first_flags) first_flags = run->first_flags;
      }
    });
    if (!inner || track.timescale == 0 || !start)
      fault = fault != nullptr ? fault : "a broken track fragment";
    if (fault != nullptr) return;
    into.start = nanos(*start, track.timescale);
    into.duration = nanos(*start + duration, track.timescale) - into.start;
    into.video = track.video;
    into.keyframe = first_flags && (*first_flags & kNonSync) == 0;
  });
  if (fault != nullptr) return bad(fault);
  if (!filled || trafs == 0) return bad("a moof without a track fragment");
  return {};
}

void HlsCutter::take(Fragment fragment) {
  if (has_video_ && !fragment.video) {
    held_bytes_ += fragment.bytes.size();
    sound_until_ = std::max(sound_until_, fragment.start + fragment.duration);
    held_.push_back(std::move(fragment));
    take_waiting(false);
    if (held_.size() <= kMostHeld && held_bytes_ <= kLongestBox) return;
    put_held(std::numeric_limits<std::int64_t>::max());
    if (!open_) held_.clear(), held_bytes_ = 0;  // nothing has begun: sound without its picture
    return;
  }
  if (straddling_ == Straddling::both && has_video_ && has_sound_) {
    waiting_bytes_ += fragment.bytes.size();
    waiting_.push_back(std::move(fragment));
    take_waiting(waiting_.size() > kMostWaiting || waiting_bytes_ > kLongestBox);
  } else {
    take_lead(fragment);
  }
}

/// Whether a cut comes before this fragment of what is cut by.
bool HlsCutter::is_cut(const Fragment& fragment) const {
  // Half a frame of grace, so that rounding in the time scale does not cost a whole group of pictures.
  constexpr std::int64_t kGrace = 10'000'000;
  const bool due = !open_ || fragment.start - begun_ >= target_ - kGrace;
  return due && (fragment.keyframe || !has_video_ || !open_);
}

/// Pictures behind a cut wait until the sound before it has arrived; mp4mux sends fragments in the order in
/// which they end.
void HlsCutter::take_waiting(bool anyway) {
  std::size_t taken = 0;
  for (; taken < waiting_.size(); ++taken) {
    const auto& fragment = waiting_[taken];
    if (!anyway && open_ && is_cut(fragment) && sound_until_ < fragment.start) break;
    take_lead(fragment);
    waiting_bytes_ -= fragment.bytes.size();
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
}

void HlsCutter::take_lead(const Fragment& fragment) {
  if (is_cut(fragment)) {
    put_held(fragment.start, true);
    cut();
    open_ = true;
    begun_ = fragment.start;
    independent_ = fragment.keyframe;
    sink_.begin(begun_);
  }
  const std::int64_t end = fragment.start + fragment.duration;
  lead_duration_ = std::max(lead_duration_, end - begun_);
  put(fragment);
  put_held(end);  // what is heard later waits: a cut may come first
}

/// Writes held sound of the time before `before`; nothing while no segment is there to take it.
void HlsCutter::put_held(std::int64_t before, bool cutting) {
  if (!open_) return;
  const bool both = straddling_ == Straddling::both;
  const auto ended = [=](const Fragment& f) { return f.start + f.duration <= before; };
  const auto due = [=](const Fragment& f) {
    if (!both) return f.start + f.duration / 2 < before;
    return cutting ? f.start < before : ended(f);
  };
  for (auto& fragment : held_)
    if (due(fragment)) put(fragment), ++fragment.written;
  std::erase_if(held_,
                [=](const Fragment& f) { return f.written > 0 && (!both || ended(f) || f.written > 1); });
  held_bytes_ = 0;
  for (const auto& fragment : held_) held_bytes_ += fragment.bytes.size();
}

void HlsCutter::put(const Fragment& fragment) { sink_.data(fragment.bytes); }

void HlsCutter::cut() {
  if (!std::exchange(open_, false)) return;
  sink_.end(std::exchange(lead_duration_, 0), independent_);
}

void HlsCutter::finish() {
  if (failed_) return;
  take_waiting(true);
  put_held(std::numeric_limits<std::int64_t>::max());
  cut();
  failed_ = true;
}

std::string hls_segment_name(unsigned number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "segment-%05u.m4s", number);
  return text.data();
}

std::string hls_playlist(const std::vector<HlsSegment>& segments, std::int64_t target_ns,
                         std::string_view init_name, bool ended, bool independent) {
  // No EXTINF may be longer than the target once both are rounded (RFC 8216, 4.3.3.1).
  std::int64_t longest = target_ns;
  for (const auto& segment : segments) longest = std::max(longest, segment.duration_ns);
  std::string out = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:" +
                    std::to_string((longest + kSecond / 2) / kSecond) + "\n#EXT-X-MEDIA-SEQUENCE:1\n";
  out += "#EXT-X-PLAYLIST-TYPE:EVENT\n";  // also at its end: the tag must not change (6.2.1)
  if (independent) out += "#EXT-X-INDEPENDENT-SEGMENTS\n";
  out += "#EXT-X-MAP:URI=\"" + std::string{init_name} + "\"\n";
  for (const auto& segment : segments) {
    const auto seconds = static_cast<std::time_t>(segment.wall_ms / 1000);
    std::tm utc{};
    std::array<char, 96> text{};
    if (segment.wall_ms > 0 && ::gmtime_r(&seconds, &utc) != nullptr) {
      std::snprintf(text.data(), text.size(),
                    "#EXT-X-PROGRAM-DATE-TIME:%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\n", utc.tm_year + 1900,
                    utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                    static_cast<int>(segment.wall_ms % 1000));
      out += text.data();
    }
    std::snprintf(text.data(), text.size(), "#EXTINF:%.6f,\n",
                  static_cast<double>(segment.duration_ns) / 1e9);
    out += text.data() + segment.name + "\n";
  }
  if (ended) out += "#EXT-X-ENDLIST\n";
  return out;
}

}  // namespace auralink::pipeline
