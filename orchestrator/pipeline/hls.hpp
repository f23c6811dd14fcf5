// SPDX-License-Identifier: LGPL-2.1-or-later
// Fragmented MP4 (ISO/IEC 14496-12, 8.8) in, HLS segments (RFC 8216) and their playlist out. Pure.
//
// mp4mux writes one moov, then for each track fragments of its own: a moof with one traf, and its mdat. A
// segment begins with a video fragment whose first sample is a keyframe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace auralink::pipeline {

/// Cuts a stream of boxes. Bytes are untrusted: whatever they are, memory stays bounded and a refusal is an
/// answer.
class HlsCutter {
 public:
  /// Largest moov or fragment accepted.
  static constexpr std::size_t kLongestBox = std::size_t{64} << 20U;

  struct Sink {
    std::function<void(std::span<const std::uint8_t>)> init;  ///< ftyp and moov; once, before all else
    std::function<void(std::int64_t start_ns)> begin;         ///< a new segment; start as its boxes say
    std::function<void(std::span<const std::uint8_t>)> data;  ///< whole fragments of it
    /// The segment is complete; duration as its boxes say, exact to the time scale. `independent`: it starts
    /// with a keyframe.
    std::function<void(std::int64_t duration_ns, bool independent)> end;
  };

  /// A fragment of sound that reaches over a cut.
  enum class Straddling {
    once,  ///< goes to the segment in which most of it is heard
    both,  ///< goes to both: whoever makes files of them takes the samples of their time
  };
  /// `target`: ns after which the next keyframe begins a segment (any fragment, when there is no video).
  HlsCutter(std::int64_t target, Sink sink, Straddling straddling = Straddling::once)
      : target_{target}, sink_{std::move(sink)}, straddling_{straddling} {}

  /// Any part of the stream. A refusal names what is wrong; nothing more is taken after one.
  [[nodiscard]] tl::expected<void, std::string> feed(std::span<const std::uint8_t> bytes);
  /// The stream is over: ends the last segment. Bytes of an incomplete box are dropped.
  void finish();

 private:
  struct Track {
    bool video = false;
    std::uint32_t timescale = 0;
    std::uint32_t default_duration = 0, default_flags = 0;  ///< of trex
  };
  struct Fragment {
    std::vector<std::uint8_t> bytes;
    std::int64_t start = 0, duration = 0;  ///< ns
    bool video = false, keyframe = false;
    unsigned written = 0;  ///< into how many segments
  };
  using Status = tl::expected<void, std::string>;
  [[nodiscard]] Status box(std::vector<std::uint8_t> bytes);
  [[nodiscard]] Status read_moov(std::span<const std::uint8_t> moov);
  [[nodiscard]] Status read_moof(std::span<std::uint8_t> moof, Fragment& into) const;
  void take(Fragment fragment);
  [[nodiscard]] bool is_cut(const Fragment& fragment) const;
  void take_waiting(bool anyway);
  void take_lead(const Fragment& fragment);
  void put(const Fragment& fragment);
  void put_held(std::int64_t before, bool cutting = false);
  void cut();

  std::int64_t target_;
  Sink sink_;
  Straddling straddling_;
  std::vector<std::uint8_t> rest_, init_;
  std::map<std::uint32_t, Track> tracks_;
  bool has_video_ = false, has_sound_ = false, failed_ = false, open_ = false;
  std::optional<Fragment> fragment_;  // a moof that waits for its mdat
  std::vector<Fragment> held_;        // sound of which it is not known yet which segment gets it
  std::size_t held_bytes_ = 0;
  std::vector<Fragment> waiting_;  // pictures behind a cut, see take_waiting()
  std::size_t waiting_bytes_ = 0;
  std::int64_t sound_until_ = 0;  // of what has arrived
  std::int64_t begun_ = 0, lead_duration_ = 0;
  bool independent_ = false;
};

struct HlsSegment {
  std::string name;
  std::int64_t duration_ns = 0;
  std::int64_t wall_ms = 0;  ///< when it begins, since the Unix epoch
};

/// A media playlist of version 7 with EXT-X-MAP. `ended`: nothing will be added (ENDLIST).
[[nodiscard]] std::string hls_playlist(const std::vector<HlsSegment>&, std::int64_t target_ns,
                                       std::string_view init_name, bool ended, bool independent);

/// "segment-00001.m4s" for 1.
[[nodiscard]] std::string hls_segment_name(unsigned number);

}  // namespace auralink::pipeline
