// SPDX-License-Identifier: LGPL-2.1-or-later
// The coding end of the tunnel: RTP packets of H.264 in; coded access units, or the same packets, out. Pure:
// time is an argument, the codec a port. Not thread-safe. gst/aic/README.md explains chains, epochs and
// feedback.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "gst/aic/core/rtp/engine.hpp"
#include "gst/aic/core/rtp/feedback.hpp"
#include "gst/aic/core/rtp/gather.hpp"
#include "gst/aic/core/rtp/output.hpp"
#include "gst/aic/core/rtp/pace.hpp"
#include "gst/aic/core/rtp/packet.hpp"
#include "gst/aic/core/rtp/payload.hpp"
#include "gst/aic/core/rtp/peers.hpp"
#include "gst/aic/core/rtp/shape.hpp"
#include "gst/aic/core/rtp/times.hpp"

namespace auralink::aic::rtp {

/// Why an access unit went as it came.
enum class Cause : std::uint8_t {
  kNone,        ///< it was coded
  kOff,         ///< mode
  kIncomplete,  ///< packets are missing
  kPackets,     ///< payload structures or header fields that the tunnel does not carry
  kSmall,       ///< nothing to gain
  kNotSmaller,  ///< coded, and not fewer bytes
  kDeadline,    ///< would take too long
  kPressure,    ///< the processor has no room
  kUnverified,  ///< what was coded did not decode to the same
  kPeer,        ///< the far end keeps failing to follow
  kNoSlice,     ///< the rest are the engine's: see h264::Refusal
  kUnknownParameters,
  kUnsupported,
  kMalformed,
  kNotCanonical,
  kTooLarge,
};
inline constexpr std::size_t kCauses = 16;
/// kebab-case.
[[nodiscard]] std::string_view name(Cause cause) noexcept;

struct SenderSettings {
  bool active = true;
  std::uint8_t type = 97;  ///< payload type of coded packets
  std::size_t mtu = 1400;  ///< of coded packets, RTP header included
  PaceSettings pace{};
  Time epoch_us = 1'000'000;    ///< between marks; 0: none
  std::size_t first_extra = 0;  ///< bytes that the shell adds to the first packet of each access unit
};

struct SenderStats {
  std::uint64_t packets_in = 0, packets_out = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;  ///< on the wire: with RTP, UDP and IPv4 headers
  std::uint64_t units_coded = 0, units_native = 0;
  std::array<std::uint64_t, kCauses> native{};  ///< by Cause
  Times coding{};
  std::uint64_t chains = 0, epochs = 0, acknowledged = 0, resyncs = 0;
  std::uint64_t late = 0, duplicates = 0, malformed = 0, missing = 0;
};
/// The access unit that was decided on last.
struct UnitReport {
  Cause cause = Cause::kNone;
  Profile profile = Profile::kMax;                 ///< only of coded ones
  std::uint64_t native_bytes = 0, sent_bytes = 0;  ///< on the wire
  std::uint8_t chain = 0;
  std::uint16_t number = 0;
  Epoch epoch = kInitial;  ///< what its chain started from
  std::uint32_t micros = 0;
};

class Sender final {
 public:
  /// `chain`: any number; a restarted sender should not repeat that of its predecessor.
  Sender(Engine& engine, const Limits& limits, std::uint8_t chain) noexcept;

  void configure(const SenderSettings& settings, Time now, Outputs& out);
  /// The payload type that carries H.264; without this it is that of the first packet.
  void expect(std::uint8_t type) noexcept { media_type_ = type; }
  /// Parameter sets that were negotiated beside the stream.
  void parameters(const AccessUnit& sets);
  void push(Handle handle, Bytes wire, Time now, Outputs& out);
  /// Decides on the access unit at hand as if it had ended.
  void flush(Time now, Outputs& out);
  /// Drops the access unit at hand.
  void discard(Outputs& out);
  void feedback(const Feedback& feedback, Time now);

  [[nodiscard]] const SenderStats& stats() const noexcept { return stats_; }
  [[nodiscard]] const UnitReport& last_unit() const noexcept { return report_; }
  /// The share of a core that coding took in the last second of media.
  [[nodiscard]] double load() const noexcept { return pace_.load(); }
  /// Bytes of packets that wait for the end of their access unit are bounded by this many packets.
  static constexpr std::size_t kMaxHeld = 4096;

 private:
  struct Waiting {
    Handle handle;
    std::uint16_t sequence;
    std::size_t size;
    bool other;  ///< not one of the contiguous packets of the access unit
  };
  struct Kept {
    Epoch epoch;
    std::uint32_t hash;
    Slot slot;
  };
  struct Draft {
    UnitHeader header;
    Shape shape;
    Rule rule;
    std::vector<std::uint8_t> description;
    std::vector<std::vector<std::uint8_t>> packets;
    std::uint64_t wire_bytes = 0;
    std::uint16_t first_sequence = 0;
  };

  void start_stream(std::uint32_t ssrc, Time now, Outputs& out);
  void hold(Handle handle, const Packet& packet, bool other);
  void forward(Handle handle, std::uint16_t sequence, std::size_t size, Outputs& out);
  void finish(Time now, Outputs& out);
  [[nodiscard]] Cause decide(Time now, Outputs& out);
  [[nodiscard]] Cause code(Profile profile, Time now, Outputs& out);
  [[nodiscard]] bool prepare(Draft& draft, Time now);
  void cut(Draft& draft) const;
  void send(Draft& draft, Time now, Outputs& out);
  void send_native(Outputs& out);

  void begin_chain(const std::optional<Kept>& from);
  void acknowledge();
  void forget(std::optional<Kept>& kept);
  [[nodiscard]] std::optional<Kept> common(const Feedback& feedback) const noexcept;
  void learn_parameters(const AccessUnit& unit);
  void remind();

  Engine& engine_;  // NOLINT(cppcoreguidelines-avoid-const-or-ref-data-members): the owner outlives it
  SenderSettings settings_{};
  Gatherer gatherer_;
  Arrivals arrivals_;
  Pace pace_;
  std::vector<Waiting> held_;
  Packet first_{};                       ///< header fields of the first packet of the access unit; no views
  std::vector<std::uint8_t> extension_;  ///< of that packet
  std::vector<std::uint8_t> coded_;
  std::vector<std::vector<std::uint8_t>> sets_;  ///< parameter sets, the newest last

  bool started_ = false;
  std::uint32_t ssrc_ = 0;
  std::optional<std::uint8_t> media_type_;
  std::optional<std::uint32_t> last_timestamp_;
  std::uint16_t offset_ = 0;        ///< number of an original packet less that on the wire
  std::uint16_t offset_since_ = 0;  ///< first original packet with this offset

  std::uint8_t chain_;
  std::uint16_t number_ = 0;
  Epoch from_ = kInitial;  ///< of the present chain
  bool beginning_ = true;  ///< the next coded access unit starts a chain
  Rule rule_;
  std::optional<Kept> acknowledged_;
  std::optional<Kept> pending_;
  Epoch last_epoch_ = kInitial;
  Time last_mark_ = 0;
  Peers peers_;
  std::optional<Time> last_resync_;
  Time rest_until_ = 0;  ///< nothing is coded, since somebody cannot follow

  SenderStats stats_;
  UnitReport report_;
};

}  // namespace auralink::aic::rtp
