// SPDX-License-Identifier: LGPL-2.1-or-later
// The restoring end of the tunnel: native and coded packets in, RTP packets of H.264 out; nothing that was
// not sent. Pure: time is an argument, the codec a port. Not thread-safe. gst/aic/README.md explains chains,
// epochs and feedback.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "gst/aic/core/rtp/engine.hpp"
#include "gst/aic/core/rtp/feedback.hpp"
#include "gst/aic/core/rtp/output.hpp"
#include "gst/aic/core/rtp/packet.hpp"
#include "gst/aic/core/rtp/payload.hpp"
#include "gst/aic/core/rtp/shape.hpp"
#include "gst/aic/core/rtp/times.hpp"

namespace auralink::aic::rtp {

struct ReceiverSettings {
  std::uint8_t type = 97;    ///< payload type of coded packets
  std::size_t mtu = 1400;    ///< of restored packets, unless `exact`
  bool exact = false;        ///< packet boundaries and sequence numbers of the original
  Time reorder_us = 10'000;  ///< how long a missing packet is waited for
};

struct ReceiverStats {
  std::uint64_t packets_in = 0, packets_out = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;  ///< on the wire: with RTP, UDP and IPv4 headers
  std::uint64_t units_restored = 0;
  std::uint64_t units_lost =
      0;  ///< coded access units of which packets are missing, or that could not be followed
  std::uint64_t units_corrupt = 0;  ///< of these, did not give what was sent
  std::uint64_t native_packets = 0;
  std::uint64_t packets_lost = 0, reordered = 0, late = 0, duplicates = 0, malformed = 0;
  std::uint64_t chains = 0, epochs = 0, resyncs = 0, requests = 0;
  Times restoring{};
};

class Receiver final {
 public:
  /// `reporter`: the SSRC that feedback carries.
  Receiver(Engine& engine, std::size_t max_access_unit, std::uint32_t reporter) noexcept
      : engine_{engine}, max_bytes_{max_access_unit}, reporter_{reporter} {}

  /// The payload type of H.264 packets; without this it is that of the first native packet.
  void expect(std::uint8_t type) noexcept { media_type_ = type; }
  void push(const ReceiverSettings& settings, Handle handle, Bytes wire, Time now, Outputs& out);
  /// Gives up waiting for missing packets whose time is over; `at_once`: for all.
  void poll(const ReceiverSettings& settings, Time now, bool at_once, Outputs& out);
  /// Drops what waits, and follows nothing until a chain starts: what was skipped cannot be made up for.
  void discard(Outputs& out);
  /// What is to be told to the sender now; ask after each push.
  [[nodiscard]] std::optional<Feedback> feedback(Time now);

  [[nodiscard]] const ReceiverStats& stats() const noexcept { return stats_; }
  [[nodiscard]] bool following() const noexcept { return following_; }

 private:
  struct Waiting {
    Handle handle;
    std::uint16_t sequence;
    Time since;
    std::vector<std::uint8_t> wire;
  };
  struct Kept {
    Epoch epoch;
    std::uint32_t hash;
    Slot slot;
  };
  /// A coded access unit whose packets are coming in.
  struct Assembly {
    bool open = false;
    Handle handle = 0;  ///< of its first packet
    UnitHeader header;  ///< no views
    std::vector<std::uint8_t> description;
    std::vector<std::uint8_t> extension;
    std::vector<std::uint8_t> coded;
    Packet first;  ///< no views
    std::uint16_t packets = 0;
  };

  void start_stream(const Packet& packet, Outputs& out);
  void process(const ReceiverSettings& settings, Handle handle, Bytes wire, Time now, Outputs& out);
  void pass(const ReceiverSettings& settings, Handle handle, const Packet& packet, Outputs& out);
  void collect(const ReceiverSettings& settings, Handle handle, const Packet& packet, Time now, Outputs& out);
  void abandon(Outputs& out);
  void restore(const ReceiverSettings& settings, Time now, Outputs& out);
  [[nodiscard]] bool join(const UnitHeader& header);
  [[nodiscard]] bool decode(Shape& shape);
  void emit(const ReceiverSettings& settings, const Shape& shape, Outputs& out);
  void lose(std::uint8_t chain);
  void lost_packets(std::uint16_t count);
  void keep(Epoch epoch, Time now);

  Engine& engine_;  // NOLINT(cppcoreguidelines-avoid-const-or-ref-data-members): the owner outlives it
  std::size_t max_bytes_;
  std::uint32_t reporter_;

  bool started_ = false;
  std::uint32_t ssrc_ = 0;
  std::optional<std::uint8_t> media_type_;
  std::uint16_t expected_ = 0;    ///< next number on the wire
  std::vector<Waiting> waiting_;  ///< behind a gap, by sequence number
  Arrivals arrivals_;
  Assembly assembly_;
  AccessUnit unit_;

  bool following_ = false;
  bool seen_chain_ = false;
  std::uint8_t chain_ = 0;  ///< the newest seen
  std::uint16_t next_ = 0;  ///< number of the next access unit in it
  Rule rule_;
  std::uint16_t offset_ = 0;    ///< original number less that on the wire
  std::uint16_t next_out_ = 0;  ///< unless exact
  bool discontinuity_ = false;
  std::array<std::optional<Kept>, 2> kept_;  ///< newest first
  std::optional<Time> last_mark_;

  bool acknowledge_ = false;
  Time last_feedback_ = 0;
  Time next_request_ = 0;
  Time backoff_ = 0;

  ReceiverStats stats_;
};

}  // namespace auralink::aic::rtp
