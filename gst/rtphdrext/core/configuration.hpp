// SPDX-License-Identifier: LGPL-2.1-or-later
// What the user of rtpextinject asks for, checked against what the stream's caps say, and what follows from
// both. Pure; thread-compatible.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gst/rtphdrext/core/aic_metadata.hpp"
#include "gst/rtphdrext/core/extension.hpp"
#include "gst/rtphdrext/core/frame_info/fragment.hpp"
#include "gst/rtphdrext/core/kinds.hpp"
#include "gst/rtphdrext/core/rewrite.hpp"
#include "gst/rtphdrext/core/values.hpp"

namespace auralink::rtphdrext {

/// As the properties of these names (README.md). An id of 0 means: not under an id of my own.
struct Configuration {
  unsigned id = 1;
  std::string data{};
  std::string uri{};
  unsigned mtu = 1400;  // as GStreamer's payloaders
  std::vector<int> remove{};

  unsigned negotiated = 0;  ///< bit per Kind: take the id that the caps give its URI
  unsigned aic_id = 0, audio_level_id = 0, abs_send_time_id = 0, abs_capture_time_id = 0, mid_id = 0,
           frame_info_id = 0;

  std::string mid{};
  int audio_level = -1;  ///< -dBov of packets that do not know theirs; -1: such packets get none
  bool voice = false;    ///< goes with audio_level
  AicMode aic_mode = AicMode::kOff;
  unsigned aic_saved = 0, aic_ssim_loss = 0, aic_epoch = 0;
};

/// Ids and URIs of the caps' extmap-N fields, and the codec.
struct StreamFacts {
  std::map<unsigned, std::string> extmap{};
  std::optional<Codec> codec{};

  [[nodiscard]] std::optional<std::uint8_t> id_of(std::string_view uri) const noexcept;
};

/// The work to do on each packet.
struct Assignment {
  std::array<std::uint8_t, kKinds.size()> ids{};  ///< by Kind; 0: not written
  std::optional<Element> raw;
  std::optional<Element> mid;
  IdSet remove;
  std::optional<AudioLevel> level;
  AicMetadata aic;  ///< au_seq is counted, not configured
  std::optional<Codec> codec;
  std::size_t mtu = 0;
  /// What the packets that leave will carry, for their caps: additions and changes to the extmap.
  std::map<unsigned, std::string> declares;

  [[nodiscard]] std::uint8_t id(Kind kind) const noexcept { return ids.at(index_of(kind)); }
  /// Nothing to set and nothing to remove.
  [[nodiscard]] bool idle() const noexcept;
};

/// Why a configuration cannot be used: the property to change, and what is wrong with it.
struct Complaint {
  const char* property;
  std::string reason;
};

[[nodiscard]] std::variant<Assignment, Complaint> assign(const Configuration& configuration,
                                                         const StreamFacts& stream);

}  // namespace auralink::rtphdrext
